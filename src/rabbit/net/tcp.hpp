#pragma once

#include "rabbit/deadline.hpp"
#include "rabbit/endpoint.hpp"

#include <chrono>
#include <utility>

namespace rabbit {

/// A descriptor, closed at the end; -1: none.
class Socket {
public:
    explicit Socket(int fd = -1) noexcept : fd_(fd) {}
    ~Socket();
    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }

    [[nodiscard]] int fd() const noexcept { return fd_; }

private:
    int fd_;
};

/// A connected, non-blocking socket to the first of the endpoint's addresses that answers, each being given
/// `timeout`. Throws ErrorKind::unreachable, with the last address's reason, or
/// `interrupted` as soon as the descriptor `interrupt` (-1: none) is readable.
Socket connect_tcp(const Endpoint& endpoint, std::chrono::milliseconds timeout, int interrupt);

/// What poll(2) takes for the time until a deadline: rounded up, -1 for ever.
int poll_timeout(Deadline deadline);

}  // namespace rabbit
