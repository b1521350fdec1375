#include "tls.hpp"

#include "rabbit/error.hpp"
#include "tcp.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <unistd.h>

namespace rabbit {
namespace {

SSL_CTX* context_of(amqp_socket_t* socket) {
    return static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(socket));
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

Tls::Tls(amqp_connection_state_t state, const Endpoint& endpoint)
    : endpoint_(endpoint),
      operation_(fmt::format("cannot connect to {}", endpoint.name())),
      socket_(amqp_ssl_socket_new(state)) {
    if (!socket_) {
        throw std::bad_alloc();
    }
    auto* context = context_of(socket_);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);  // or a write might have to wait for a read
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // rabbitmq-c checks the name it was told to connect to, which here is an address; OpenSSL checks the right one.
    amqp_ssl_socket_set_verify_hostname(socket_, false);
    amqp_ssl_socket_set_verify_peer(socket_, endpoint_.tls_options.verify);
    SSL_CTX_set_verify(context, endpoint_.tls_options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    if (endpoint_.tls_options.verify) {
        expect_name();
    }
    load_files();
    SSL_CTX_set_app_data(context, this);
    SSL_CTX_set_info_callback(context, [](const SSL* ssl, int where, int) {
        static_cast<Tls*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->on_handshake(const_cast<SSL*>(ssl), where);
    });
    // Called when the broker asks for a certificate and there is none.
    SSL_CTX_set_client_cert_cb(context, [](SSL* ssl, X509**, EVP_PKEY**) {
        static_cast<Tls*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->lacks_certificate_ = true;
        return 0;
    });
}

const std::string& Tls::server_name() const noexcept {
    const auto& given = endpoint_.tls_options.server_name;
    return given.empty() ? endpoint_.host : given;
}

void Tls::expect_name() {
    auto* parameters = SSL_CTX_get0_param(context_of(socket_));
    if (is_address(server_name())) {
        X509_VERIFY_PARAM_set1_ip_asc(parameters, server_name().c_str());
    } else {
        X509_VERIFY_PARAM_set1_host(parameters, server_name().c_str(), 0);
    }
}

void Tls::load_files() {
    auto* context = context_of(socket_);
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

void Tls::on_handshake(ssl_st* ssl, int where) {
    if (where & SSL_CB_HANDSHAKE_START) {
        ssl_ = ssl;
        const bool named = endpoint_.tls_options.sends_server_name && !is_address(server_name());
        const char* name = named ? server_name().c_str() : nullptr;
        SSL_set_tlsext_host_name(ssl, name);
        auto* bio = SSL_get_rbio(ssl);
        BIO_set_callback_arg(bio, reinterpret_cast<char*>(this));
        BIO_set_callback_ex(bio, [](BIO* reading, int operation, const char*, std::size_t, int, long, int result,
                                    std::size_t*) -> long {
            auto* self = reinterpret_cast<Tls*>(BIO_get_callback_arg(reading));
            if (operation != BIO_CB_READ || self->may_read()) {
                return result;
            }
            BIO_clear_retry_flags(reading);
            return -1;
        });
    }
    verify_result_ = SSL_get_verify_result(ssl);
}

/// rabbitmq-c's own wait in the handshake can only be ended by time; here `interrupt` ends it: false.
bool Tls::may_read() {
    pollfd polled[] = {{SSL_get_fd(ssl_), POLLIN, 0}, {interrupt_, POLLIN, 0}};
    int ready;
    do {
        ready = poll(polled, 2, poll_timeout(deadline_));
    } while (ready < 0 && errno == EINTR);
    interrupted_ = ready > 0 && polled[1].revents != 0;
    return !interrupted_;
}

void Tls::connect(std::chrono::milliseconds timeout, int interrupt) {
    const auto addresses = resolve_numeric(endpoint_);
    const auto limit = to_timeval(timeout);
    interrupt_ = interrupt;
    int status = AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED;
    for (const auto& address : addresses) {
        ssl_ = nullptr;
        deadline_ = Clock::now() + timeout;
        ERR_clear_error();
        status = amqp_socket_open_noblock(socket_, address.c_str(), endpoint_.port, &limit);
        if (status == AMQP_STATUS_OK) {
            SSL_CTX_set_info_callback(context_of(socket_), nullptr);
            BIO_set_callback_ex(SSL_get_rbio(ssl_), nullptr);
            return;
        }
        if (interrupted_ || (status != AMQP_STATUS_SOCKET_ERROR && status != AMQP_STATUS_TIMEOUT)) {
            break;  // it answered
        }
    }
    fail(status, timeout);
}

void Tls::fail(int status, std::chrono::milliseconds timeout) {
    if (interrupted_) {
        throw Error(ErrorKind::interrupted, operation_, "interrupted");
    }
    if (endpoint_.tls_options.verify && verify_result_ != X509_V_OK) {
        throw Error(ErrorKind::refused, operation_, verify_failure());
    }
    const auto error = ERR_peek_last_error();
    if (status == AMQP_STATUS_SOCKET_ERROR) {
        close(connect_tcp(endpoint_, timeout, interrupt_));  // rabbitmq-c drops errno; this throws it
    }
    const auto [kind, cause] = [&]() -> std::pair<ErrorKind, std::string> {
        if (status == AMQP_STATUS_TIMEOUT) {
            const auto seconds = std::chrono::duration<double>(timeout).count();
            return {ErrorKind::unreachable, ssl_ ? fmt::format("no TLS handshake within {} s", seconds)
                                                 : fmt::format("no connection within {} s", seconds)};
        }
        if (status != AMQP_STATUS_SSL_CONNECTION_FAILED) {
            return {ErrorKind::unreachable, amqp_error_string2(status)};
        }
        if (is_no_tls(error)) {
            return {ErrorKind::unreachable, "it does not speak TLS on this port"};
        }
        if (is_too_old(error)) {
            return {ErrorKind::refused, "it offers no version of TLS from 1.2 on"};
        }
        if (alert_of(error) >= 0) {
            return {ErrorKind::refused, alert_text(error)};
        }
        if (ERR_GET_LIB(error) != ERR_LIB_SSL || is_ssl_error(error, SSL_R_UNEXPECTED_EOF_WHILE_READING)) {
            return {ErrorKind::unreachable, "the connection was closed in the middle of the TLS handshake"};
        }
        return {ErrorKind::refused, fmt::format("the TLS handshake failed: {}", reason_of(error))};
    }();
    throw Error(kind, operation_, cause);
}

std::string Tls::verify_failure() const {
    const auto& ca_file = endpoint_.tls_options.ca_file;
    switch (verify_result_) {
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
            return fmt::format("its certificate is not valid: {}", X509_verify_cert_error_string(verify_result_));
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

std::string Tls::end_cause() {
    const int from_network = errno;
    if (const auto error = ERR_peek_last_error(); ERR_GET_LIB(error) != ERR_LIB_SSL) {
        // Writing fails as soon as the broker has gone, and the alert in which it says why waits to be read.
        SSL_set_mode(ssl_, SSL_MODE_AUTO_RETRY);
        char dropped[4096];
        do {
            ERR_clear_error();
        } while (SSL_read(ssl_, dropped, sizeof dropped) > 0);
    }
    const auto error = ERR_peek_last_error();
    was_refused_ = alert_of(error) >= 0;
    if (was_refused_) {
        return alert_text(error);
    }
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && !is_ssl_error(error, SSL_R_UNEXPECTED_EOF_WHILE_READING)) {
        return reason_of(error);
    }
    return from_network ? std::system_category().message(from_network) : "the connection was closed by the other side";
}

}  // namespace rabbit
