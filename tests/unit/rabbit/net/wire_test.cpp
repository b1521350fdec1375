#include "net/wire.hpp"

#include "listening.hpp"
#include "net/tcp_stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using rabbit::Clock;

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

    rabbit::Interrupt none;

private:
    Listening listening_{1};

protected:
    rabbit::Wire wire{"broker", rabbit::connect_tcp({listening_.address()}, Clock::now() + 5s, none, "cannot connect")};

private:
    int broker_ = listening_.accept();
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
