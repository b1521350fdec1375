#include "net/tcp_stream.hpp"

#include "net/poll.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

namespace rabbit {
namespace {

/// 0, or what errno says of the failure.
int wait_connected(int fd, Deadline deadline, Interrupt& interrupt, std::string_view operation) {
    while (!wait_ready(fd, POLLOUT, deadline, interrupt, operation).events) {
        if (passed(deadline)) {
            return ETIMEDOUT;
        }
    }
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

/// An equal share of the time that is left, for one of so many.
Deadline share_of(Deadline deadline, std::size_t parts) {
    if (!deadline) {
        return {};
    }
    const auto now = Clock::now();
    return now + (*deadline - now) / static_cast<Clock::rep>(parts);
}

}  // namespace

TcpStream::~TcpStream() {
    close(fd_);
}

std::optional<std::size_t> TcpStream::write(std::span<const iovec> pieces) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    ssize_t sent;
    do {
        sent = sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0 ? std::optional(static_cast<std::size_t>(sent)) : failed();
}

std::optional<std::size_t> TcpStream::read(std::span<char> room) {
    ssize_t received;
    do {
        received = recv(fd_, room.data(), room.size(), MSG_DONTWAIT);
    } while (received < 0 && errno == EINTR);
    if (received == 0) {
        end_.cause = closed_by_peer;
        return std::nullopt;
    }
    return received > 0 ? std::optional(static_cast<std::size_t>(received)) : failed();
}

std::optional<std::size_t> TcpStream::failed() {
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return 0;
    }
    end_.cause = std::strerror(errno);
    return std::nullopt;
}

std::unique_ptr<TcpStream> connect_tcp(const Endpoint& endpoint, Deadline deadline, Interrupt& interrupt) {
    const auto operation = fmt::format("cannot connect to {}", endpoint.name());
    return connect_tcp(resolve(endpoint, deadline, interrupt, operation), deadline, interrupt, operation);
}

std::unique_ptr<TcpStream> connect_tcp(const std::vector<SocketAddress>& addresses, Deadline deadline,
                                       Interrupt& interrupt, std::string_view operation) {
    int error = 0;
    for (auto left = addresses.size(); left > 0; --left) {
        const auto& address = addresses[addresses.size() - left];
        const int fd = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            error = errno;
            continue;
        }
        auto stream = std::make_unique<TcpStream>(fd);
        error = connect(fd, address.get(), address.size) == 0 ? 0 : errno;
        if (error == EINPROGRESS) {
            error = wait_connected(fd, share_of(deadline, left), interrupt, operation);
        }
        if (error == 0) {
            const int on = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            return stream;
        }
    }
    throw Error(ErrorKind::unreachable, operation, std::strerror(error));
}

}  // namespace rabbit
