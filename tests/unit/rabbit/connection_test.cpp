#include "rabbit/connection.hpp"

#include "rabbit/error.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;

/// A port on loopback that is no broker's.
class Peer {
public:
    Peer() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address = loopback(0);
        EXPECT_EQ(bind(fd_, as_address(address), sizeof address), 0) << std::strerror(errno);
        socklen_t size = sizeof address;
        EXPECT_EQ(getsockname(fd_, as_address(address), &size), 0);
        port_ = ntohs(address.sin_port);
    }

    ~Peer() {
        if (thread_.joinable()) {
            thread_.join();
        }
        for (const int each : filling_) {
            close(each);
        }
        close(fd_);
    }

    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    /// Takes connections and leaves them unanswered.
    void be_silent() const { EXPECT_EQ(listen(fd_, 8), 0); }

    /// Takes one connection, answers what it says with `text`, and closes it.
    void answer(std::string_view text) {
        EXPECT_EQ(listen(fd_, 8), 0);
        thread_ = std::thread([this, text] {
            const int client = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
            char greeting[8];
            EXPECT_EQ(recv(client, greeting, sizeof greeting, MSG_WAITALL), 8);
            EXPECT_EQ(std::string_view(greeting, 8), std::string_view("AMQP\0\0\x9\1", 8));
            EXPECT_EQ(send(client, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
            shutdown(client, SHUT_WR);
            while (recv(client, greeting, sizeof greeting, 0) > 0) {
            }
            close(client);
        });
    }

    /// Has no room for another connection, so that TCP's handshake gets no answer.
    void be_full() {
        EXPECT_EQ(listen(fd_, 0), 0);
        for (int i = 0; i < 16; ++i) {
            const int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
            filling_.push_back(client);
            const sockaddr_in address = loopback(port_);
            static_cast<void>(connect(client, as_address(address), sizeof address));
            pollfd polled{client, POLLOUT, 0};
            if (poll(&polled, 1, 100) == 0) {
                return;
            }
        }
        ADD_FAILURE() << "the port takes any number of connections";
    }

    [[nodiscard]] rabbit::Endpoint endpoint() const {
        rabbit::Endpoint endpoint;
        endpoint.host = "127.0.0.1";
        endpoint.port = port_;
        endpoint.password = "secret";
        return endpoint;
    }

private:
    static sockaddr_in loopback(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return address;
    }

    static sockaddr* as_address(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }
    static const sockaddr* as_address(const sockaddr_in& address) {
        return reinterpret_cast<const sockaddr*>(&address);
    }

    int fd_;
    std::uint16_t port_ = 0;
    std::thread thread_;
    std::vector<int> filling_;
};

/// What connecting there fails with.
rabbit::Error failure(const rabbit::Endpoint& endpoint, std::chrono::milliseconds timeout = 20s, int interrupt = -1) {
    rabbit::ConnectionOptions options;
    options.connect_timeout = timeout;
    options.interrupt = interrupt;
    try {
        const rabbit::Connection connection(endpoint, options);
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(std::string(error.what()).find(endpoint.password), std::string::npos) << error.what();
        return error;
    }
    ADD_FAILURE() << "connected";
    return {rabbit::ErrorKind::invalid, "", ""};
}

void expect_begins(std::string_view text, std::string_view beginning) {
    EXPECT_EQ(text.substr(0, beginning.size()), beginning) << text;
}

TEST(ConnectionWithoutBroker, APortThatNobodyListensOnIsUnreachable) {
    const Peer nobody;
    const auto error = failure(nobody.endpoint());
    EXPECT_EQ(error.kind(), rabbit::ErrorKind::unreachable);
    EXPECT_EQ(error.what(), "cannot connect to " + nobody.endpoint().name() + ": Connection refused");
}

TEST(ConnectionWithoutBroker, AnAddressThatIsNoneIsUnreachable) {
    auto endpoint = Peer().endpoint();
    endpoint.host = "no host has a name of this kind";
    const auto error = failure(endpoint);
    EXPECT_EQ(error.kind(), rabbit::ErrorKind::unreachable);
    expect_begins(error.what(), "cannot connect to no host has");
}

TEST(ConnectionWithoutBroker, ASilentPeerIsUnreachableInTime) {
    Peer silent;
    silent.be_silent();
    const auto before = rabbit::Clock::now();
    const auto error = failure(silent.endpoint(), 300ms);
    EXPECT_EQ(error.kind(), rabbit::ErrorKind::unreachable);
    expect_begins(error.what(), "cannot connect to " + silent.endpoint().name() + ": ");
    EXPECT_GE(rabbit::Clock::now() - before, 300ms);
    EXPECT_LT(rabbit::Clock::now() - before, 10s);
}

TEST(ConnectionWithoutBroker, AFullPeerIsUnreachableInTime) {
    Peer full;
    full.be_full();
    const auto before = rabbit::Clock::now();
    const auto error = failure(full.endpoint(), 300ms);
    EXPECT_EQ(error.kind(), rabbit::ErrorKind::unreachable);
    EXPECT_EQ(error.cause(), "Connection timed out");
    EXPECT_GE(rabbit::Clock::now() - before, 300ms);
    EXPECT_LT(rabbit::Clock::now() - before, 10s);
}

TEST(ConnectionWithoutBroker, APeerOfAnotherProtocolIsUnreachable) {
    Peer http;
    http.answer("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    const auto error = failure(http.endpoint());
    EXPECT_EQ(error.kind(), rabbit::ErrorKind::unreachable);
    expect_begins(error.what(), "cannot connect to " + http.endpoint().name() + ": ");
}

TEST(ConnectionWithoutBroker, APeerThatHangsUpIsUnreachable) {
    Peer rude;
    rude.answer("");
    const auto error = failure(rude.endpoint());
    EXPECT_EQ(error.kind(), rabbit::ErrorKind::unreachable);
    expect_begins(error.what(), "cannot connect to " + rude.endpoint().name() + ": ");
}

TEST(ConnectionWithoutBroker, WithoutAnEndpointIsInvalid) {
    try {
        const rabbit::Connection connection(std::vector<rabbit::Endpoint>{});
        FAIL() << "connected";
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(error.kind(), rabbit::ErrorKind::invalid);
    }
}

TEST(ConnectionWithoutBroker, TriesOnceUnlessToldToRetry) {
    const Peer nobody;
    rabbit::ConnectionOptions options;
    options.on_retry = [](const rabbit::Error&, std::chrono::milliseconds) { ADD_FAILURE() << "tried again"; };
    EXPECT_THROW(rabbit::Connection(nobody.endpoint(), options), rabbit::Error);
}

TEST(ConnectionWithoutBroker, TriesAgainForAsLongAsItIsTold) {
    const Peer nobody;
    rabbit::ConnectionOptions options;
    options.retry_for = 700ms;
    int retries = 0;
    options.on_retry = [&](const rabbit::Error& error, std::chrono::milliseconds pause) {
        ++retries;
        EXPECT_EQ(error.kind(), rabbit::ErrorKind::unreachable);
        EXPECT_GT(pause, 0ms);
        EXPECT_LE(pause, options.retry_for);
    };
    const auto before = rabbit::Clock::now();
    EXPECT_THROW(rabbit::Connection(nobody.endpoint(), options), rabbit::Error);
    EXPECT_GE(rabbit::Clock::now() - before, options.retry_for);
    EXPECT_LT(rabbit::Clock::now() - before, 10s);
    EXPECT_GE(retries, 1);
}

TEST(ConnectionWithoutBroker, NamesAllOfSeveralEndpoints) {
    const Peer first;
    const Peer last;
    try {
        const rabbit::Connection connection(std::vector{first.endpoint(), last.endpoint()});
        FAIL() << "connected";
    } catch (const rabbit::Error& error) {
        expect_begins(error.what(), "cannot connect to " + first.endpoint().name());
        EXPECT_NE(std::string(error.what()).find("; cannot connect to " + last.endpoint().name()), std::string::npos)
            << error.what();
    }
}

class ConnectionInterrupted : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_EQ(pipe2(ends_, O_CLOEXEC), 0);
        ASSERT_EQ(write(ends_[1], "", 1), 1);
    }

    void TearDown() override {
        close(ends_[0]);
        close(ends_[1]);
    }

    [[nodiscard]] int interrupt() const { return ends_[0]; }

    void expect_interrupted(const Peer& peer) const {
        const auto before = rabbit::Clock::now();
        EXPECT_EQ(failure(peer.endpoint(), 60s, ends_[0]).kind(), rabbit::ErrorKind::interrupted);
        EXPECT_LT(rabbit::Clock::now() - before, 10s);
    }

private:
    int ends_[2] = {-1, -1};
};

TEST_F(ConnectionInterrupted, EndsItsTcpHandshake) {
    Peer full;
    full.be_full();
    expect_interrupted(full);
}

TEST_F(ConnectionInterrupted, EndsItsAmqpHandshake) {
    Peer silent;
    silent.be_silent();
    expect_interrupted(silent);
}

TEST_F(ConnectionInterrupted, EndsThePauseBeforeAnotherTry) {
    const Peer nobody;
    rabbit::ConnectionOptions options;
    options.interrupt = interrupt();
    options.retry_for = 60s;
    const auto before = rabbit::Clock::now();
    try {
        const rabbit::Connection connection(nobody.endpoint(), options);
        FAIL() << "connected";
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(error.kind(), rabbit::ErrorKind::interrupted);
    }
    EXPECT_LT(rabbit::Clock::now() - before, 10s);
}

}  // namespace
