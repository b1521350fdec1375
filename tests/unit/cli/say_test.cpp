#include "say.hpp"

#include "fd.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

/// Standard error is a socket, whose reader does not read by itself, while it lives.
class StandardError {
public:
    StandardError() : saved_(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) {
        int ends[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        reader_.reset(ends[0]);
        dup2(ends[1], STDERR_FILENO);
        close(ends[1]);
    }
    ~StandardError() { dup2(saved_.get(), STDERR_FILENO); }
    StandardError(const StandardError&) = delete;
    StandardError& operator=(const StandardError&) = delete;

    /// All that has arrived.
    std::string read() {
        std::string all;
        char buffer[4096];
        for (ssize_t count; (count = recv(reader_.get(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0;) {
            all.append(buffer, static_cast<std::size_t>(count));
        }
        return all;
    }

    static void fill() {
        while (send(STDERR_FILENO, "x", 1, MSG_DONTWAIT) == 1) {
        }
    }

    void close_reader() { reader_.reset(); }

private:
    cli::Fd saved_;
    cli::Fd reader_;
};

std::chrono::duration<double> duration_of(const auto& call) {
    const auto begun = std::chrono::steady_clock::now();
    call();
    return std::chrono::steady_clock::now() - begun;
}

TEST(Say, WritesOnStandardErrorAtOnce) {
    StandardError standard_error;
    cli::say("{} of {}\n", 1, 2);
    EXPECT_EQ(standard_error.read(), "1 of 2\n");
}

TEST(Say, WaitsForAReaderThatPausesOnceAndNotForLong) {
    StandardError standard_error;
    StandardError::fill();
    const auto first = duration_of([] { cli::say("lost\n"); });
    EXPECT_LT(first.count(), 5);
    const auto later = duration_of([] {
        for (int i = 0; i < 100; ++i) {
            cli::say("lost\n");
        }
    });
    EXPECT_LT(later.count(), 1);
    EXPECT_EQ(standard_error.read().find("lost"), std::string::npos);
    cli::say("read again\n");
    EXPECT_EQ(standard_error.read(), "read again\n");
}

TEST(Say, IgnoresThatNobodyReads) {
    StandardError standard_error;
    standard_error.close_reader();
    EXPECT_NO_THROW(cli::say("hello\n"));
}

}  // namespace
