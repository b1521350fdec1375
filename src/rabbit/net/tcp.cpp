#include "net/tcp.hpp"

#include "rabbit/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rabbit {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype([](addrinfo* list) { freeaddrinfo(list); })>;

Addresses resolve(const Endpoint& endpoint, const std::string& operation) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int status = getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &list);
    if (status != 0) {
        throw Error(ErrorKind::unreachable, operation,
                    status == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(status));
    }
    return Addresses(list);
}

/// 0, or what errno says of the failure.
int wait_connected(int fd, Deadline deadline, int interrupt, const std::string& operation) {
    pollfd polled[] = {{fd, POLLOUT, 0}, {interrupt, POLLIN, 0}};
    int ready;
    do {
        ready = poll(polled, 2, poll_timeout(deadline));
    } while (ready < 0 && errno == EINTR);
    if (ready < 0) {
        return errno;
    }
    if (polled[1].revents) {
        throw Error(ErrorKind::interrupted, operation, "interrupted");
    }
    if (ready == 0) {
        return ETIMEDOUT;
    }
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace

Socket::~Socket() {
    if (fd_ >= 0) {
        close(fd_);
    }
}

int poll_timeout(Deadline deadline) {
    if (!deadline) {
        return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count();
    return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left, 0, 3'600'000));
}

Socket connect_tcp(const Endpoint& endpoint, std::chrono::milliseconds timeout, int interrupt) {
    const auto operation = fmt::format("cannot connect to {}", endpoint.name());
    const auto addresses = resolve(endpoint, operation);
    int error = 0;
    for (auto* address = addresses.get(); address; address = address->ai_next) {
        Socket connecting(
            socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address->ai_protocol));
        const int fd = connecting.fd();
        if (fd < 0) {
            error = errno;
            continue;
        }
        error = connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
        if (error == EINPROGRESS) {
            error = wait_connected(fd, Clock::now() + timeout, interrupt, operation);
        }
        if (error == 0) {
            const int on = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            return connecting;
        }
    }
    throw Error(ErrorKind::unreachable, operation, std::strerror(error));
}

}  // namespace rabbit
