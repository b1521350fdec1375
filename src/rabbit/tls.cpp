#include "tls.hpp"

#include "rabbit/error.hpp"
#include "tcp.hpp"

#include <fmt/format.h>

#include <new>
#include <system_error>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
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

/// The peer does not speak TLS at all.
bool is_no_tls(unsigned long error) {
    const auto reason = ERR_GET_REASON(error);
    return ERR_GET_LIB(error) == ERR_LIB_SSL &&
           (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
            reason == SSL_R_PACKET_LENGTH_TOO_LONG || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING);
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
    const auto check = [](int ok, const char* what, const std::string& file) {
        if (ok != 1) {
            throw Error(ErrorKind::invalid, fmt::format("cannot use the {} '{}'", what, file), last_error());
        }
    };
    ERR_clear_error();
    if (options.ca_file.empty()) {
        SSL_CTX_set_default_verify_paths(context);
    } else {
        check(SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr), "authorities' file",
              options.ca_file);
    }
    if (!options.certificate_file.empty()) {
        const auto& key = options.key_file.empty() ? options.certificate_file : options.key_file;
        check(SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()), "certificate",
              options.certificate_file);
        check(SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM), "key", key);
    } else if (!options.key_file.empty()) {
        throw Error(ErrorKind::invalid, fmt::format("cannot use the key '{}'", options.key_file),
                    "it needs a certificate to go with it");
    }
}

void Tls::on_handshake(ssl_st* ssl, int where) {
    ssl_ = ssl;
    if (where & SSL_CB_HANDSHAKE_START) {
        const bool named = endpoint_.tls_options.sends_server_name && !is_address(server_name());
        const char* name = named ? server_name().c_str() : nullptr;
        SSL_set_tlsext_host_name(ssl, name);
    }
    verify_result_ = SSL_get_verify_result(ssl);
}

void Tls::connect(std::chrono::milliseconds timeout) {
    const auto addresses = resolve_numeric(endpoint_);
    const auto limit = to_timeval(timeout);
    int status = AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED;
    for (const auto& address : addresses) {
        ERR_clear_error();
        status = amqp_socket_open_noblock(socket_, address.c_str(), endpoint_.port, &limit);
        if (status == AMQP_STATUS_OK) {
            SSL_CTX_set_info_callback(context_of(socket_), nullptr);
            return;
        }
        if (status != AMQP_STATUS_SOCKET_ERROR && status != AMQP_STATUS_TIMEOUT) {
            break;  // it answered
        }
    }
    fail(status, timeout);
}

void Tls::fail(int status, std::chrono::milliseconds timeout) const {
    if (endpoint_.tls_options.verify && verify_result_ != X509_V_OK) {
        throw Error(ErrorKind::refused, operation_,
                    fmt::format("its certificate is not accepted for '{}': {}", server_name(),
                                X509_verify_cert_error_string(verify_result_)));
    }
    const auto error = ERR_peek_last_error();
    if (status == AMQP_STATUS_SSL_CONNECTION_FAILED && error != 0) {
        throw Error(is_no_tls(error) ? ErrorKind::unreachable : ErrorKind::refused, operation_,
                    fmt::format("no TLS came about: {}", last_error()));
    }
    if (status == AMQP_STATUS_SOCKET_ERROR) {
        close(connect_tcp(endpoint_, timeout, -1));  // rabbitmq-c drops errno; this throws it
    }
    throw Error(ErrorKind::unreachable, operation_,
                status == AMQP_STATUS_TIMEOUT
                    ? fmt::format("no TLS handshake within {} s", std::chrono::duration<double>(timeout).count())
                    : amqp_error_string2(status));
}

std::string Tls::last_error() {
    const auto error = ERR_peek_last_error();
    if (ERR_GET_LIB(error) == ERR_LIB_SYS) {
        return std::system_category().message(ERR_GET_REASON(error));
    }
    const char* reason = error ? ERR_reason_error_string(error) : nullptr;
    return reason ? reason : "";
}

bool Tls::was_refused() {
    const auto error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET;
}

}  // namespace rabbit
