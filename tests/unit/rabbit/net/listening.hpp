#pragma once

#include "net/resolver.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

inline sockaddr_in& as_ipv4(rabbit::SocketAddress& address) {
    return reinterpret_cast<sockaddr_in&>(address.storage);
}

/// A listening socket on loopback.
class Listening {
public:
    explicit Listening(int backlog) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        auto& address = as_ipv4(address_);
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address_.size = sizeof address;
        EXPECT_EQ(bind(fd_, address_.get(), address_.size), 0) << std::strerror(errno);
        EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &address_.size), 0);
        EXPECT_EQ(listen(fd_, backlog), 0);
    }
    ~Listening() {
        for (const int each : filling_) {
            close(each);
        }
        close(fd_);
    }
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;

    /// From now on nobody who connects gets an answer.
    void fill() {
        for (int i = 0; i < 16; ++i) {
            const int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
            filling_.push_back(client);
            static_cast<void>(connect(client, address_.get(), address_.size));
            pollfd polled{client, POLLOUT, 0};
            if (poll(&polled, 1, 100) == 0) {
                return;
            }
        }
        ADD_FAILURE() << "the port takes any number of connections";
    }

    /// The other end of the first connection that was made.
    [[nodiscard]] int accept() const { return accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); }

    [[nodiscard]] const rabbit::SocketAddress& address() const { return address_; }

private:
    int fd_;
    rabbit::SocketAddress address_;
    std::vector<int> filling_;
};
