#include "net/tcp_stream.hpp"

#include "listening.hpp"
#include "rabbit/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using rabbit::Clock;

TEST(TcpStream, EightSilentAddressesTakeNoLongerThanOne) {
    Listening silent(0);
    silent.fill();
    const std::vector<rabbit::SocketAddress> addresses(8, silent.address());
    rabbit::Interrupt none;
    const auto begun = Clock::now();
    try {
        rabbit::connect_tcp(addresses, begun + 400ms, none, "cannot connect");
        FAIL() << "connected";
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(error.kind(), rabbit::ErrorKind::unreachable);
        EXPECT_EQ(error.cause(), "Connection timed out");
    }
    EXPECT_GE(Clock::now() - begun, 350ms);
    EXPECT_LT(Clock::now() - begun, 1500ms);
}

TEST(TcpStream, ASilentAddressLeavesTimeForTheNext) {
    Listening silent(0);
    silent.fill();
    const Listening open(8);
    rabbit::Interrupt none;
    EXPECT_TRUE(rabbit::connect_tcp({silent.address(), open.address()}, Clock::now() + 2s, none, "cannot connect"));
}

/// As getaddrinfo(3) does whose servers do not answer.
int never_resolved(const char* name, const char*, const addrinfo* hints, addrinfo**) {
    if (hints->ai_flags & AI_NUMERICHOST) {
        return EAI_NONAME;
    }
    EXPECT_STREQ(name, "broker.example");
    for (;;) {
        pause();
    }
}

TEST(Resolver, EndsAtItsDeadline) {
    rabbit::Endpoint endpoint;
    endpoint.host = "broker.example";
    rabbit::Interrupt none;
    const auto begun = Clock::now();
    try {
        rabbit::resolve(endpoint, begun + 100ms, none, "cannot connect", never_resolved);
        FAIL() << "resolved";
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(error.kind(), rabbit::ErrorKind::unreachable);
    }
    EXPECT_GE(Clock::now() - begun, 100ms);
    EXPECT_LT(Clock::now() - begun, 5s);
}

TEST(Resolver, EndsWithAnInterrupt) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    ASSERT_EQ(write(ends[1], "", 1), 1);
    rabbit::Interrupt interrupt(ends[0]);
    rabbit::Endpoint endpoint;
    endpoint.host = "broker.example";
    try {
        rabbit::resolve(endpoint, Clock::now() + 60s, interrupt, "cannot connect", never_resolved);
        FAIL() << "resolved";
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(error.kind(), rabbit::ErrorKind::interrupted);
    }
    EXPECT_TRUE(interrupt.reported());
    EXPECT_EQ(interrupt.fd(), -1) << "it ends one wait only";
    close(ends[0]);
    close(ends[1]);
}

TEST(Resolver, FindsLoopback) {
    rabbit::Endpoint endpoint;
    endpoint.host = "localhost";
    rabbit::Interrupt none;
    EXPECT_FALSE(rabbit::resolve(endpoint, Clock::now() + 10s, none, "cannot connect").empty());
}

TEST(Interrupt, IsHeldBackWhileAHoldLives) {
    rabbit::Interrupt interrupt(7);
    {
        const rabbit::Interrupt::Hold outer(interrupt);
        {
            const rabbit::Interrupt::Hold inner(interrupt);
            EXPECT_EQ(interrupt.fd(), -1);
        }
        EXPECT_EQ(interrupt.fd(), -1);
    }
    EXPECT_EQ(interrupt.fd(), 7);
}

}  // namespace
