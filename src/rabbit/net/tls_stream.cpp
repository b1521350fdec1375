#include "net/tls_stream.hpp"

#include "finally.hpp"
#include "net/poll.hpp"
#include "net/tls_failure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace rabbit {
namespace {

/// OpenSSL asks its transport for as many bytes at once.
constexpr std::size_t read_ahead = std::size_t{64} * 1024;

TlsTransport& transport_of(BIO* bio) {
    return *static_cast<TlsTransport*>(BIO_get_data(bio));
}

/// What a BIO's functions return of what a Stream's do.
int transferred_by(BIO* bio, std::optional<std::size_t> bytes, int retry_flag) {
    BIO_clear_retry_flags(bio);
    if (bytes == 0) {
        BIO_set_flags(bio, retry_flag | BIO_FLAGS_SHOULD_RETRY);
    }
    return bytes.value_or(0) > 0 ? static_cast<int>(*bytes) : -1;
}

/// OpenSSL's way to a Stream.
const BIO_METHOD* stream_method() {
    static const BIO_METHOD* const method = [] {
        auto* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
        if (!made) {
            throw std::bad_alloc();
        }
        BIO_meth_set_create(made, [](BIO* bio) {
            BIO_set_init(bio, 1);
            return 1;
        });
        BIO_meth_set_write(made, [](BIO* bio, const char* data, int size) {
            const iovec piece{const_cast<char*>(data), static_cast<std::size_t>(size)};
            return transferred_by(bio, transport_of(bio).stream->write({&piece, 1}), BIO_FLAGS_WRITE);
        });
        BIO_meth_set_read(made, [](BIO* bio, char* room, int size) {
            auto& transport = transport_of(bio);
            const std::span<char> bytes(room, static_cast<std::size_t>(size));
            return transferred_by(bio, transport.reads_left-- > 0 ? transport.stream->read(bytes) : 0, BIO_FLAGS_READ);
        });
        BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1L : 0L; });
        return made;
    }();
    return method;
}

bool is_address(const std::string& name) {
    in6_addr address;
    return inet_pton(AF_INET, name.c_str(), &address) == 1 || inet_pton(AF_INET6, name.c_str(), &address) == 1;
}

[[noreturn]] void cannot_use(const char* what, const std::string& file, const std::string& cause) {
    throw Error(ErrorKind::invalid, fmt::format("cannot use the {} '{}'", what, file), cause);
}

}  // namespace

void TlsStream::Free::operator()(ssl_ctx_st* context) const noexcept {
    SSL_CTX_free(context);
}

void TlsStream::Free::operator()(ssl_st* ssl) const noexcept {
    SSL_free(ssl);
}

TlsStream::TlsStream(const Endpoint& endpoint)
    : endpoint_(endpoint),
      operation_(fmt::format("cannot connect to {}", endpoint.name())),
      context_(SSL_CTX_new(TLS_client_method())) {
    if (!context_) {
        throw std::bad_alloc();
    }
    auto* context = context_.get();
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);  // or a write might have to wait for a read
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, read_ahead);
    SSL_CTX_set_verify(context, endpoint_.tls_options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_app_data(context, this);
    // Called when the broker asks for a certificate and there is none.
    SSL_CTX_set_client_cert_cb(context, [](SSL* ssl, X509**, EVP_PKEY**) {
        static_cast<TlsStream*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->lacks_certificate_ = true;
        return 0;
    });
    ERR_clear_error();
    load_authorities();
    load_certificate();
}

/// Tells the other side that this is the end and not a cut.
TlsStream::~TlsStream() {
    if (ssl_) {
        SSL_shutdown(ssl_.get());
        ERR_clear_error();
    }
}

void TlsStream::load_authorities() {
    const auto& file = endpoint_.tls_options.ca_file;
    if (file.empty()) {
        SSL_CTX_set_default_verify_paths(context_.get());
        ERR_clear_error();
    } else if (SSL_CTX_load_verify_locations(context_.get(), file.c_str(), nullptr) != 1) {
        cannot_use("authorities' file", file, file_error("it holds no certificate in PEM format"));
    }
}

void TlsStream::load_certificate() {
    auto* context = context_.get();
    const auto& options = endpoint_.tls_options;
    if (options.certificate_file.empty()) {
        if (!options.key_file.empty()) {
            cannot_use("key", options.key_file, "it needs a certificate to go with it");
        }
        return;
    }
    if (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1) {
        cannot_use("certificate", options.certificate_file, file_error("it holds no certificate in PEM format"));
    }
    const auto& key = options.key_file.empty() ? options.certificate_file : options.key_file;
    bool is_encrypted = false;
    SSL_CTX_set_default_passwd_cb_userdata(context, &is_encrypted);
    SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void* encrypted) {
        *static_cast<bool*>(encrypted) = true;  // without this function OpenSSL would ask on the terminal
        return -1;
    });
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
        const int reason = ERR_GET_REASON(ERR_peek_last_error());
        const bool is_other = reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH;
        cannot_use("key", key,
                   is_encrypted ? "it is protected by a pass phrase; 'openssl pkey' writes it without"
                   : is_other   ? fmt::format("it is not the key of the certificate '{}'", options.certificate_file)
                                : file_error("it holds no private key in PEM format"));
    }
}

void TlsStream::handshake(std::unique_ptr<Stream> transport, TimeLimit limit, Interrupt& interrupt) {
    transport_.stream = std::move(transport);
    begin();
    for (;;) {
        ERR_clear_error();
        const int result = SSL_connect(ssl_.get());
        if (result == 1) {
            return;
        }
        const int error = SSL_get_error(ssl_.get(), result);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
            throw handshake_failure(operation_, endpoint_, SSL_get_verify_result(ssl_.get()), lacks_certificate_);
        }
        const short events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        wait_ready(fd(), events, limit.end, interrupt, operation_);
        if (passed(limit.end)) {
            throw Error(ErrorKind::unreachable, operation_,
                        fmt::format("no TLS handshake within {} s", in_seconds(limit.duration)));
        }
    }
}

void TlsStream::begin() {
    ssl_.reset(SSL_new(context_.get()));
    auto* bio = BIO_new(stream_method());
    if (!ssl_ || !bio) {
        BIO_free(bio);
        throw std::bad_alloc();
    }
    BIO_set_data(bio, &transport_);
    SSL_set_bio(ssl_.get(), bio, bio);
    const auto& name = server_name(endpoint_);
    const bool address = is_address(name);
    if (endpoint_.tls_options.sends_server_name && !address) {  // RFC 6066, section 3: no addresses
        SSL_set_tlsext_host_name(ssl_.get(), name.c_str());
    }
    if (endpoint_.tls_options.verify) {
        auto* parameters = SSL_get0_param(ssl_.get());
        const int ok = address ? X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str())
                               : X509_VERIFY_PARAM_set1_host(parameters, name.c_str(), 0);
        if (ok != 1) {
            throw Error(ErrorKind::invalid, operation_, fmt::format("'{}' is no name of a host", name));
        }
    }
}

std::optional<std::size_t> TlsStream::write(std::span<const iovec> pieces) {
    std::size_t sent = 0;
    for (auto record = next_record(pieces, sent); !record.empty(); record = next_record(pieces, sent)) {
        ERR_clear_error();
        const auto taken = transferred(SSL_write(ssl_.get(), record.data(), static_cast<int>(record.size())));
        if (!taken) {
            return std::nullopt;
        }
        if (*taken == 0) {
            break;
        }
        sent += *taken;
    }
    return sent;
}

/// What comes after the first `sent` bytes and is worth a record: a long piece as it is, short ones joined.
std::string_view TlsStream::next_record(std::span<const iovec> pieces, std::size_t sent) {
    record_.clear();
    for (const auto& piece : pieces) {
        const auto passed_over = std::min(sent, piece.iov_len);
        sent -= passed_over;
        const std::string_view bytes(static_cast<const char*>(piece.iov_base) + passed_over,
                                     piece.iov_len - passed_over);
        if (record_.empty() && bytes.size() >= SSL3_RT_MAX_PLAIN_LENGTH) {
            return bytes.substr(0, SSL3_RT_MAX_PLAIN_LENGTH);
        }
        record_.append(bytes.substr(0, SSL3_RT_MAX_PLAIN_LENGTH - record_.size()));
        if (record_.size() == SSL3_RT_MAX_PLAIN_LENGTH) {
            break;
        }
    }
    return record_;
}

std::optional<std::size_t> TlsStream::read(std::span<char> room) {
    transport_.reads_left = 1;
    const Finally unlimited([this] { transport_.reads_left = TlsTransport::unlimited; });
    std::size_t received = 0;
    while (received < room.size() && !ended()) {
        ERR_clear_error();
        const auto left = room.subspan(received);
        const auto taken = transferred(SSL_read(ssl_.get(), left.data(), static_cast<int>(left.size())));
        if (taken == 0) {
            break;
        }
        received += taken.value_or(0);
    }
    return received > 0 || !ended() ? std::optional(received) : std::nullopt;
}

std::optional<std::size_t> TlsStream::transferred(int result) {
    if (result > 0) {
        return static_cast<std::size_t>(result);
    }
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return 0;
    }
    find_end();
    return std::nullopt;
}

void TlsStream::find_end() {
    transport_.reads_left = TlsTransport::unlimited;
    auto cause = transport_.stream->end().cause;
    if (ERR_GET_LIB(ERR_peek_last_error()) != ERR_LIB_SSL) {
        // Writing fails as soon as the broker has gone, and the alert in which it says why waits to be read.
        char dropped[4096];
        do {
            ERR_clear_error();
        } while (SSL_read(ssl_.get(), dropped, sizeof dropped) > 0);
    }
    const auto error = ERR_peek_last_error();
    end_.refused = is_alert(error);
    if (end_.refused) {
        end_.cause = alert_text(error, endpoint_, lacks_certificate_);
    } else if (ERR_GET_LIB(error) == ERR_LIB_SSL && !is_ssl_error(error, SSL_R_UNEXPECTED_EOF_WHILE_READING)) {
        end_.cause = reason_of(error);
    } else {
        end_.cause = cause.empty() ? closed_by_peer : cause;
    }
}

}  // namespace rabbit
