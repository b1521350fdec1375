#include "transport.hpp"

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {
namespace {

std::system_error failure(const char* operation) {
    return {errno, std::generic_category(), operation};
}

std::runtime_error tls_failure(const std::string& operation) {
    const auto error = ERR_get_error();
    const char* reason = ERR_reason_error_string(error);
    return std::runtime_error(operation + ": " + (reason ? reason : "the broker has closed the connection"));
}

}  // namespace

Transport::Transport(const std::string& host, int port, bool tls) {
    connect(host, port);
    if (tls) {
        start_tls(host);
    }
    fcntl(socket_, F_SETFL, O_NONBLOCK);
}

Transport::~Transport() {
    ssl_.reset();
    close(socket_);
}

void Transport::Free::operator()(ssl_ctx_st* context) const noexcept {
    SSL_CTX_free(context);
}

void Transport::Free::operator()(ssl_st* ssl) const noexcept {
    SSL_free(ssl);
}

void Transport::connect(const std::string& host, int port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
        throw std::runtime_error("cannot resolve " + host);
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
    socket_ = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0);
    if (socket_ == -1 || ::connect(socket_, found->ai_addr, found->ai_addrlen) != 0) {
        throw failure("cannot connect");
    }
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void Transport::start_tls(const std::string& host) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_default_verify_paths(context_.get());
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    ssl_.reset(SSL_new(context_.get()));
    auto* const parameters = SSL_get0_param(ssl_.get());
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) != 1) {
        SSL_set1_host(ssl_.get(), host.c_str());
    }
    SSL_set_fd(ssl_.get(), socket_);
    if (SSL_connect(ssl_.get()) != 1) {
        throw tls_failure("TLS handshake");
    }
}

std::size_t Transport::write(std::string_view bytes) {
    if (ssl_) {
        return transferred(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())));
    }
    const auto sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent == -1 && errno != EAGAIN && errno != EINTR) {
        throw failure("cannot send");
    }
    return sent == -1 ? 0 : static_cast<std::size_t>(sent);
}

std::size_t Transport::read(std::span<char> room) {
    if (ssl_) {
        return transferred(SSL_read(ssl_.get(), room.data(), static_cast<int>(room.size())));
    }
    const auto received = recv(socket_, room.data(), room.size(), 0);
    if (received == 0) {
        throw std::runtime_error("the broker has closed the connection");
    }
    if (received == -1 && errno != EAGAIN && errno != EINTR) {
        throw failure("cannot receive");
    }
    return received == -1 ? 0 : static_cast<std::size_t>(received);
}

std::size_t Transport::transferred(int result) {
    if (result > 0) {
        return static_cast<std::size_t>(result);
    }
    const int error = SSL_get_error(ssl_.get(), result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        throw tls_failure("TLS");
    }
    return 0;
}

void Transport::wait(short events) const {
    pollfd ready{socket_, events, 0};
    poll(&ready, 1, -1);
}

}  // namespace bench
