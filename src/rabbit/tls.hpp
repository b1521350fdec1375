#pragma once

#include "amqp.hpp"
#include "rabbit/endpoint.hpp"

#include <chrono>
#include <string>

struct ssl_st;

namespace rabbit {

/// The TLS socket of a rabbitmq-c connection, with what rabbitmq-c leaves to its user: the system's authorities, TLS
/// 1.2 as the least, names and addresses checked by OpenSSL, and the reason of a failure.
class Tls {
public:
    /// Reads the certificates. Throws ErrorKind::invalid for a file that cannot be used.
    Tls(amqp_connection_state_t state, const Endpoint& endpoint);
    Tls(const Tls&) = delete;
    Tls& operator=(const Tls&) = delete;

    /// Connects to the first of the endpoint's addresses that answers, each being given `timeout`. No signal ends it.
    /// Throws ErrorKind::unreachable, or `refused` when it is certificates or protocol versions that do not agree.
    void connect(std::chrono::milliseconds timeout);

    /// rabbitmq-c keeps it to itself; the handshake shows it.
    [[nodiscard]] ssl_st* ssl() const noexcept { return ssl_; }

    /// OpenSSL's reason for the last failure of this thread, empty if it has none.
    static std::string last_error();
    /// The peer's alert, not the network, is that reason: it does not want this client.
    static bool was_refused();

private:
    void load_files();
    [[nodiscard]] const std::string& server_name() const noexcept;
    void on_handshake(ssl_st* ssl, int where);
    void expect_name();
    [[noreturn]] void fail(int status, std::chrono::milliseconds timeout) const;

    const Endpoint& endpoint_;
    std::string operation_;
    amqp_socket_t* socket_;
    ssl_st* ssl_ = nullptr;
    long verify_result_ = 0;
};

}  // namespace rabbit
