#pragma once

#include "rabbit/endpoint.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

struct ssl_ctx_st;
struct ssl_st;

namespace rabbit {

/// TLS over a connected socket, by OpenSSL itself: 1.2 as the least, the broker's certificate checked for its authority
/// and for its name or address. rabbitmq-c's own cannot be interrupted, checks no addresses, and gives no reasons.
class Tls {
public:
    /// Reads the endpoint's certificates. Throws ErrorKind::invalid for a file that cannot be used.
    explicit Tls(const Endpoint& endpoint);
    ~Tls();
    Tls(const Tls&) = delete;
    Tls& operator=(const Tls&) = delete;

    /// On a nonblocking socket, which must outlive this. Throws ErrorKind::unreachable, `refused` when it is
    /// certificates or versions that do not agree, or `interrupted` when that descriptor becomes readable.
    void handshake(int fd, std::chrono::milliseconds timeout, int interrupt);

    /// How many bytes were written or read, 0 if the socket has to be waited for, nothing if the connection has ended.
    /// After a write that had to wait the next one is of the same bytes. Reading gives one record at most, of 16 KiB:
    /// with less room the rest would be hidden from poll(2).
    std::optional<std::size_t> write(const char* data, std::size_t size);
    std::optional<std::size_t> read(char* to, std::size_t size);

    /// What ended it: an alert of the broker's, what OpenSSL found wrong, or the network's error.
    [[nodiscard]] const std::string& end_cause() const noexcept { return end_cause_; }
    /// It was an alert: the broker does not want this client.
    [[nodiscard]] bool was_refused() const noexcept { return was_refused_; }

private:
    struct Free {
        void operator()(ssl_ctx_st* context) const noexcept;
        void operator()(ssl_st* ssl) const noexcept;
    };

    void load_files();
    void begin(int fd);
    [[nodiscard]] const std::string& server_name() const noexcept;
    [[noreturn]] void fail();
    [[nodiscard]] std::string verify_failure() const;
    [[nodiscard]] std::string alert_text(unsigned long error) const;
    std::optional<std::size_t> transferred(int result);
    void find_end_cause(int from_network);

    Endpoint endpoint_;
    std::string operation_;
    std::unique_ptr<ssl_ctx_st, Free> context_;
    std::unique_ptr<ssl_st, Free> ssl_;
    std::string end_cause_;
    bool was_refused_ = false;
    bool lacks_certificate_ = false;  ///< the broker asked for one
};

}  // namespace rabbit
