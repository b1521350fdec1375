#include "net/wire.hpp"

#include "net/tcp_stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using rabbit::Clock;

/// The two ends of a TCP connection on loopback: the client's first.
std::pair<int, int> connect_to_oneself() {
    const int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listening, any, size), 0) << std::strerror(errno);
    EXPECT_EQ(getsockname(listening, any, &size), 0);
    EXPECT_EQ(listen(listening, 1), 0);
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(client, any, size), 0) << std::strerror(errno);
    const int broker = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    close(listening);
    return {client, broker};
}

class WireOnLoopback : public testing::Test {
protected:
    ~WireOnLoopback() override { hang_up(); }

    void send(std::size_t bytes) const {
        const std::string sent(bytes, 'x');
        ASSERT_EQ(write(broker_, sent.data(), sent.size()), static_cast<ssize_t>(sent.size()));
    }
    void hang_up() { close(std::exchange(broker_, -1)); }

    rabbit::Wire::Ready poll(rabbit::Deadline deadline, std::size_t least) {
        return wire.poll(false, deadline, {}, none, least);
    }
    /// The shortest of some waits for `least` bytes.
    Clock::duration shortest_wait(std::size_t least) {
        auto shortest = Clock::duration::max();
        for (int i = 0; i < 20; ++i) {
            const auto begun = Clock::now();
            EXPECT_TRUE(poll(begun + 5s, least).readable);
            shortest = std::min(shortest, Clock::now() - begun);
        }
        return shortest;
    }

private:
    std::pair<int, int> ends_ = connect_to_oneself();
    int broker_ = ends_.second;

protected:
    rabbit::Interrupt none;
    rabbit::Wire wire{"broker", std::make_unique<rabbit::TcpStream>(ends_.first)};
};

TEST_F(WireOnLoopback, LeavesAFewBytesForAMoment) {
    send(99);
    EXPECT_GE(shortest_wait(100), 5ms);
    EXPECT_LT(shortest_wait(1), 5ms);
}

TEST_F(WireOnLoopback, DoesNotWaitOnceEnoughIsThere) {
    send(100);
    EXPECT_LT(shortest_wait(100), 5ms);
}

TEST_F(WireOnLoopback, DoesNotWaitWhereThereIsRoomToWrite) {
    EXPECT_TRUE(wire.poll(true, {}, {}, none, 100).writable);
}

TEST_F(WireOnLoopback, AtTheDeadlineTakesTheFewThatAreThere) {
    send(1);
    EXPECT_TRUE(poll(Clock::now(), 100).readable);
}

TEST_F(WireOnLoopback, AfterTheMomentWaitsForTheFirstByte) {
    EXPECT_FALSE(poll(Clock::now() + 20ms, 100).readable);
    send(1);
    EXPECT_TRUE(poll(Clock::now() + 5s, 100).readable);
}

TEST_F(WireOnLoopback, DoesNotLeaveTheEndForAMoment) {
    hang_up();
    EXPECT_LT(shortest_wait(100), 5ms);
}

/// Others may wait for the same socket: a companion's.
TEST_F(WireOnLoopback, LeavesNoMarkOnTheSocket) {
    poll(Clock::now(), 100);
    send(1);
    pollfd polled{wire.descriptor(), POLLIN, 0};
    EXPECT_EQ(::poll(&polled, 1, 5000), 1);
}

}  // namespace
