#include "net/tls.hpp"

#include "rabbit/error.hpp"
#include "net/tcp.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <new>
#include <system_error>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

namespace rabbit {
namespace {

/// OpenSSL's own for sockets, but that writing to a connection that has gone raises no SIGPIPE.
const BIO_METHOD* socket_method() {
    static const BIO_METHOD* const method = [] {
        const auto* base = BIO_s_socket();
        auto* quiet = BIO_meth_new(BIO_TYPE_SOCKET, "socket without SIGPIPE");
        if (!quiet) {
            throw std::bad_alloc();
        }
        BIO_meth_set_create(quiet, BIO_meth_get_create(base));
        BIO_meth_set_destroy(quiet, BIO_meth_get_destroy(base));
        BIO_meth_set_ctrl(quiet, BIO_meth_get_ctrl(base));
        BIO_meth_set_read(quiet, BIO_meth_get_read(base));
        BIO_meth_set_write(quiet, [](BIO* bio, const char* data, int size) {
            BIO_clear_retry_flags(bio);
            const auto sent = static_cast<int>(
                send(static_cast<int>(BIO_get_fd(bio, nullptr)), data, static_cast<std::size_t>(size), MSG_NOSIGNAL));
            if (sent <= 0 && BIO_sock_should_retry(sent)) {
                BIO_set_retry_write(bio);
            }
            return sent;
        });
        return quiet;
    }();
    return method;
}

bool is_address(const std::string& name) {
    in6_addr address;
    return inet_pton(AF_INET, name.c_str(), &address) == 1 || inet_pton(AF_INET6, name.c_str(), &address) == 1;
}

bool is_ssl_error(unsigned long error, int reason) {
    return ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == reason;
}

/// The alert by which the peer ended the connection (RFC 8446, section 6; RFC 5246, section 7.2), -1 if it sent none.
int alert_of(unsigned long error) {
    const int alert = ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET;
    return ERR_GET_LIB(error) == ERR_LIB_SSL && alert >= 0 && alert <= 255 ? alert : -1;
}

/// The peer does not speak TLS at all.
bool is_no_tls(unsigned long error) {
    return is_ssl_error(error, SSL_R_WRONG_VERSION_NUMBER) || is_ssl_error(error, SSL_R_HTTP_REQUEST) ||
           is_ssl_error(error, SSL_R_PACKET_LENGTH_TOO_LONG);
}

bool is_too_old(unsigned long error) {
    return is_ssl_error(error, SSL_R_UNSUPPORTED_PROTOCOL) || is_ssl_error(error, SSL_R_WRONG_SSL_VERSION) ||
           alert_of(error) == SSL_AD_PROTOCOL_VERSION;
}

bool is_about_certificate(int alert) {
    switch (alert) {
        case SSL_AD_BAD_CERTIFICATE:
        case SSL_AD_UNSUPPORTED_CERTIFICATE:
        case SSL_AD_CERTIFICATE_REVOKED:
        case SSL_AD_CERTIFICATE_EXPIRED:
        case SSL_AD_CERTIFICATE_UNKNOWN:
        case SSL_AD_UNKNOWN_CA:
        case SSL_AD_ACCESS_DENIED:
        case SSL_AD_DECRYPT_ERROR:
            return true;
        default:
            return false;
    }
}

std::string reason_of(unsigned long error) {
    const char* reason = ERR_reason_error_string(error);
    return reason ? reason : fmt::format("OpenSSL's error {:x}", error);
}

/// What came first is what the later ones come from: no such file, therefore no certificate.
std::string file_error(const std::string& otherwise) {
    const auto error = ERR_peek_error();
    return ERR_GET_LIB(error) == ERR_LIB_SYS ? std::system_category().message(ERR_GET_REASON(error)) : otherwise;
}

}  // namespace

void Tls::Free::operator()(ssl_ctx_st* context) const noexcept {
    SSL_CTX_free(context);
}

void Tls::Free::operator()(ssl_st* ssl) const noexcept {
    SSL_free(ssl);
}

Tls::Tls(const Endpoint& endpoint)
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
    SSL_CTX_set_verify(context, endpoint_.tls_options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_app_data(context, this);
    // Called when the broker asks for a certificate and there is none.
    SSL_CTX_set_client_cert_cb(context, [](SSL* ssl, X509**, EVP_PKEY**) {
        static_cast<Tls*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->lacks_certificate_ = true;
        return 0;
    });
    load_files();
}

/// The other side learns that this was the end, and no cut.
Tls::~Tls() {
    if (ssl_) {
        SSL_shutdown(ssl_.get());
        ERR_clear_error();
    }
}

const std::string& Tls::server_name() const noexcept {
    const auto& given = endpoint_.tls_options.server_name;
    return given.empty() ? endpoint_.host : given;
}

void Tls::load_files() {
    auto* context = context_.get();
    const auto& options = endpoint_.tls_options;
    const auto refuse = [](const char* what, const std::string& file, const std::string& cause) {
        throw Error(ErrorKind::invalid, fmt::format("cannot use the {} '{}'", what, file), cause);
    };
    ERR_clear_error();
    if (options.ca_file.empty()) {
        SSL_CTX_set_default_verify_paths(context);
        ERR_clear_error();
    } else if (SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr) != 1) {
        refuse("authorities' file", options.ca_file, file_error("it holds no certificate in PEM format"));
    }
    if (options.certificate_file.empty()) {
        if (!options.key_file.empty()) {
            refuse("key", options.key_file, "it needs a certificate to go with it");
        }
        return;
    }
    if (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1) {
        refuse("certificate", options.certificate_file, file_error("it holds no certificate in PEM format"));
    }
    const auto& key = options.key_file.empty() ? options.certificate_file : options.key_file;
    bool is_encrypted = false;
    SSL_CTX_set_default_passwd_cb_userdata(context, &is_encrypted);
    SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void* encrypted) {
        *static_cast<bool*>(encrypted) = true;  // without this function OpenSSL would ask on the terminal
        return -1;
    });
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
        const bool is_other = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
                              ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH;
        refuse("key", key,
               is_encrypted ? "it is protected by a pass phrase; 'openssl pkey' writes it without"
               : is_other   ? fmt::format("it is not the key of the certificate '{}'", options.certificate_file)
                            : file_error("it holds no private key in PEM format"));
    }
}

void Tls::handshake(int fd, std::chrono::milliseconds timeout, int interrupt) {
    begin(fd);
    const Deadline deadline = Clock::now() + timeout;
    for (;;) {
        ERR_clear_error();
        const int result = SSL_connect(ssl_.get());
        if (result == 1) {
            return;
        }
        const int error = SSL_get_error(ssl_.get(), result);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
            fail();
        }
        pollfd polled[] = {{fd, static_cast<short>(error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), 0},
                           {interrupt, POLLIN, 0}};
        if (poll(polled, 2, poll_timeout(deadline)) > 0 && polled[1].revents != 0) {
            throw Error(ErrorKind::interrupted, operation_, "interrupted");
        }
        if (passed(deadline)) {
            throw Error(ErrorKind::unreachable, operation_,
                        fmt::format("no TLS handshake within {} s", std::chrono::duration<double>(timeout).count()));
        }
    }
}

void Tls::begin(int fd) {
    ssl_.reset(SSL_new(context_.get()));
    auto* bio = BIO_new(socket_method());
    if (!ssl_ || !bio) {
        BIO_free(bio);
        throw std::bad_alloc();
    }
    BIO_set_fd(bio, fd, BIO_NOCLOSE);
    SSL_set_bio(ssl_.get(), bio, bio);
    const bool address = is_address(server_name());
    if (endpoint_.tls_options.sends_server_name && !address) {  // RFC 6066, section 3: no addresses
        SSL_set_tlsext_host_name(ssl_.get(), server_name().c_str());
    }
    if (endpoint_.tls_options.verify) {
        auto* parameters = SSL_get0_param(ssl_.get());
        const int ok = address ? X509_VERIFY_PARAM_set1_ip_asc(parameters, server_name().c_str())
                               : X509_VERIFY_PARAM_set1_host(parameters, server_name().c_str(), 0);
        if (ok != 1) {
            throw Error(ErrorKind::invalid, operation_, fmt::format("'{}' is no name of a host", server_name()));
        }
    }
}

void Tls::fail() {
    const auto error = ERR_peek_last_error();
    if (endpoint_.tls_options.verify && SSL_get_verify_result(ssl_.get()) != X509_V_OK) {
        throw Error(ErrorKind::refused, operation_, verify_failure());
    }
    if (is_no_tls(error)) {
        throw Error(ErrorKind::unreachable, operation_, "it does not speak TLS on this port");
    }
    if (is_too_old(error)) {
        throw Error(ErrorKind::refused, operation_, "it offers no version of TLS from 1.2 on");
    }
    if (alert_of(error) >= 0) {
        throw Error(ErrorKind::refused, operation_, alert_text(error));
    }
    if (ERR_GET_LIB(error) != ERR_LIB_SSL || is_ssl_error(error, SSL_R_UNEXPECTED_EOF_WHILE_READING)) {
        throw Error(ErrorKind::unreachable, operation_, "the connection was closed in the middle of the TLS handshake");
    }
    throw Error(ErrorKind::refused, operation_, fmt::format("the TLS handshake failed: {}", reason_of(error)));
}

std::string Tls::verify_failure() const {
    const auto& ca_file = endpoint_.tls_options.ca_file;
    const auto result = SSL_get_verify_result(ssl_.get());
    switch (result) {
        case X509_V_ERR_HOSTNAME_MISMATCH:
            return fmt::format("its certificate is not for the name '{}'", server_name());
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return fmt::format("its certificate is not for the address {}", server_name());
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "its certificate has expired";
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "its certificate is not valid yet";
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return fmt::format("its certificate comes from an authority that is not {}",
                               ca_file.empty() ? "among the system's" : fmt::format("in '{}'", ca_file));
        default:
            return fmt::format("its certificate is not valid: {}", X509_verify_cert_error_string(result));
    }
}

std::string Tls::alert_text(unsigned long error) const {
    const int alert = alert_of(error);
    // A server of TLS 1.2 that misses a certificate has no alert of its own for that.
    if (alert == SSL_AD_CERTIFICATE_REQUIRED || (alert == SSL_AD_HANDSHAKE_FAILURE && lacks_certificate_)) {
        return "it asks for a certificate of the client's, and none was given";
    }
    const char* text = SSL_alert_desc_string_long(alert);
    return is_about_certificate(alert) && !endpoint_.tls_options.certificate_file.empty()
               ? fmt::format("it does not accept the client's certificate: {}", text)
               : fmt::format("it ended TLS with the alert '{}'", text);
}

std::optional<std::size_t> Tls::write(const char* data, std::size_t size) {
    ERR_clear_error();
    errno = 0;
    return transferred(SSL_write(ssl_.get(), data, static_cast<int>(size)));
}

std::optional<std::size_t> Tls::read(char* to, std::size_t size) {
    ERR_clear_error();
    errno = 0;
    return transferred(SSL_read(ssl_.get(), to, static_cast<int>(size)));
}

std::optional<std::size_t> Tls::transferred(int result) {
    if (result > 0) {
        return static_cast<std::size_t>(result);
    }
    const int from_network = errno;
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return 0;
    }
    find_end_cause(from_network);
    return std::nullopt;
}

void Tls::find_end_cause(int from_network) {
    if (ERR_GET_LIB(ERR_peek_last_error()) != ERR_LIB_SSL) {
        // Writing fails as soon as the broker has gone, and the alert in which it says why waits to be read.
        char dropped[4096];
        do {
            ERR_clear_error();
        } while (SSL_read(ssl_.get(), dropped, sizeof dropped) > 0);
    }
    const auto error = ERR_peek_last_error();
    was_refused_ = alert_of(error) >= 0;
    if (was_refused_) {
        end_cause_ = alert_text(error);
    } else if (ERR_GET_LIB(error) == ERR_LIB_SSL && !is_ssl_error(error, SSL_R_UNEXPECTED_EOF_WHILE_READING)) {
        end_cause_ = reason_of(error);
    } else if (from_network != 0) {
        end_cause_ = std::system_category().message(from_network);
    } else {
        end_cause_ = "the connection was closed by the other side";
    }
}

}  // namespace rabbit
