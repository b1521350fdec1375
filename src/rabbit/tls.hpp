#pragma once

#include "amqp.hpp"
#include "rabbit/deadline.hpp"
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

    /// Connects to the first of the endpoint's addresses that answers, each being given `timeout`. `interrupt` ends the
    /// handshake when it becomes readable, but not the wait for TCP, which is rabbitmq-c's own.
    /// Throws ErrorKind::unreachable, `refused` when it is certificates or protocol versions that do not agree, or
    /// `interrupted`.
    void connect(std::chrono::milliseconds timeout, int interrupt);

    /// rabbitmq-c keeps it to itself; the handshake shows it.
    [[nodiscard]] ssl_st* ssl() const noexcept { return ssl_; }

    /// After a read or write that failed, what ended the connection, in words: an alert of the broker's, what OpenSSL
    /// found wrong, or else the network's error in errno.
    std::string end_cause();
    /// It was an alert: the broker does not want this client.
    [[nodiscard]] bool was_refused() const noexcept { return was_refused_; }

private:
    void load_files();
    [[nodiscard]] const std::string& server_name() const noexcept;
    void on_handshake(ssl_st* ssl, int where);
    void expect_name();
    [[nodiscard]] bool may_read();
    [[noreturn]] void fail(int status, std::chrono::milliseconds timeout);
    [[nodiscard]] std::string verify_failure() const;
    [[nodiscard]] std::string alert_text(unsigned long error) const;

    const Endpoint& endpoint_;
    std::string operation_;
    amqp_socket_t* socket_;
    ssl_st* ssl_ = nullptr;
    long verify_result_ = 0;
    bool lacks_certificate_ = false;  ///< the broker asked for one
    bool was_refused_ = false;
    bool interrupted_ = false;
    int interrupt_ = -1;
    Deadline deadline_;
};

}  // namespace rabbit
