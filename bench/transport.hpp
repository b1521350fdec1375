#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct ssl_ctx_st;
struct ssl_st;

namespace bench {

/// A socket that never blocks, or TLS by OpenSSL straight on it. Failures are std::runtime_error.
class Transport {
public:
    Transport(const std::string& host, int port, bool tls);
    ~Transport();
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    /// How much of `bytes` was taken; 0: there is no room now. With TLS the next call must begin with the same bytes.
    std::size_t write(std::string_view bytes);
    /// How much was put into `room`; 0: nothing is there now.
    std::size_t read(std::span<char> room);
    /// Waits for POLLIN, POLLOUT or both. To be called after a read that returned 0: TLS may hold more than the socket.
    void wait(short events) const;

private:
    struct Free {
        void operator()(ssl_ctx_st* context) const noexcept;
        void operator()(ssl_st* ssl) const noexcept;
    };

    void connect(const std::string& host, int port);
    void start_tls(const std::string& host);
    std::size_t transferred(int result);

    int socket_ = -1;
    std::unique_ptr<ssl_ctx_st, Free> context_;
    std::unique_ptr<ssl_st, Free> ssl_;
};

}  // namespace bench
