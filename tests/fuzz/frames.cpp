// What a broker may send to a connection with a consumer or a publisher. It ends in an Error or in order.
//
// The input's first byte says who listens and how it comes; the rest is what the broker sends: one frame whenever the
// connection waits, or all at once; then it hangs up. The library's connect_tcp() and poll(2) are replaced: the ones
// below come before those of the archives.
#include "fuzz.hpp"
#include "rabbit/consumer.hpp"
#include "rabbit/error.hpp"
#include "rabbit/publisher.hpp"
#include "net/tcp.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <string>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

/// The other end of the connection.
class Broker {
public:
    Broker(std::string_view said, bool at_once) : left_(said), at_once_(at_once) {
        require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends_.data()) == 0);
        current = this;
    }
    ~Broker() {
        current = nullptr;
        close(ends_[0]);
    }
    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;

    [[nodiscard]] int client() const { return ends_[1]; }  ///< closed by its connection

    /// Takes what it was sent and says the next, if all that it said has been read.
    void speak() {
        std::array<char, 65536> heard;
        while (recv(ends_[0], heard.data(), heard.size(), 0) > 0) {
        }
        int unread = 0;
        if (ioctl(ends_[1], FIONREAD, &unread) != 0 || unread > 0) {
            return;
        }
        const auto said = send(ends_[0], left_.data(), at_once_ ? left_.size() : next_frame(), MSG_NOSIGNAL);
        left_.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(said, 0)));
        if (left_.empty()) {
            shutdown(ends_[0], SHUT_WR);
        }
    }

    static inline Broker* current = nullptr;

private:
    [[nodiscard]] std::size_t next_frame() const {
        std::size_t size = 0;
        for (std::size_t i = 3; i < 7 && i < left_.size(); ++i) {
            size = size << 8 | static_cast<unsigned char>(left_[i]);
        }
        return std::min(left_.size(), size + 8);
    }

    std::array<int, 2> ends_{};
    std::string_view left_;
    bool at_once_;
};

void consume(rabbit::Connection& connection) {
    const auto queue = connection.declare({.name = "hello", .arguments = {}});
    rabbit::Consumer consumer(connection, {.queue = queue.name, .no_ack = false, .prefetch = 10});
    for (int i = 0; i < 3; ++i) {
        if (const auto delivery = consumer.next()) {
            consumer.ack(delivery->delivery_tag);
        }
    }
    consumer.cancel();
    while (consumer.next()) {
    }
}

void publish(rabbit::Connection& connection) {
    rabbit::Publisher publisher(connection, {.window = 2});
    for (int i = 0; i < 3; ++i) {
        publisher.publish({"", "hello"}, {"body", nullptr});
    }
    publisher.settle();
}

}  // namespace

namespace rabbit {

Socket connect_tcp(const Endpoint&, std::chrono::milliseconds, int) {
    return Socket(Broker::current->client());
}

Socket::~Socket() {
    if (fd_ >= 0) {
        close(fd_);
    }
}

int poll_timeout(Deadline deadline) {
    return deadline ? 1000 : -1;
}

}  // namespace rabbit

extern "C" int poll(pollfd* polled, nfds_t count, int timeout) {
    if (Broker::current) {
        Broker::current->speak();
    }
    const timespec limit{timeout / 1000, timeout % 1000 * 1'000'000L};
    return ppoll(polled, count, timeout < 0 ? nullptr : &limit, nullptr);
}

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    Broker broker(text_of(data + 1, size - 1), (data[0] & 2) != 0);
    try {
        rabbit::Connection connection(rabbit::Endpoint{}, {.heartbeat = std::chrono::seconds(0)});
        (data[0] & 1 ? consume : publish)(connection);
        connection.close();
    } catch (const rabbit::Error&) {
    }
    return 0;
}
