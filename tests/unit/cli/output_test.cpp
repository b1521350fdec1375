#include "output.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <future>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace {

class OutputTest : public testing::Test {
protected:
    void SetUp() override {
        previous_ = std::signal(SIGPIPE, SIG_IGN);
        int ends[2];
        ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
        read_end_ = ends[0];
        write_end_ = ends[1];
    }

    void TearDown() override {
        close_read_end();
        close_write_end();
        std::signal(SIGPIPE, previous_);
    }

    void close_read_end() { close_end(read_end_); }
    void close_write_end() { close_end(write_end_); }

    [[nodiscard]] bool readable() const {
        pollfd polled{read_end_, POLLIN, 0};
        return poll(&polled, 1, 0) > 0 && (polled.revents & POLLIN);
    }

    /// Until the write end is closed.
    [[nodiscard]] std::string read_all() const {
        std::string all;
        char buffer[4096];
        for (ssize_t count; (count = read(read_end_, buffer, sizeof buffer)) > 0;) {
            all.append(buffer, static_cast<std::size_t>(count));
        }
        return all;
    }

    int read_end_ = -1;
    int write_end_ = -1;

private:
    static void close_end(int& fd) {
        if (fd >= 0) {
            close(fd);
        }
        fd = -1;
    }

    void (*previous_)(int) = SIG_DFL;
};

TEST_F(OutputTest, WritesNothingBeforeItIsFlushed) {
    cli::Output output(write_end_);
    output.write("hello");
    EXPECT_FALSE(readable());
    output.flush();
    EXPECT_TRUE(readable());
}

TEST_F(OutputTest, WritesEverythingOnceAndInOrder) {
    cli::Output output(write_end_);
    output.write("one ");
    output.flush();
    output.flush();
    output.write(std::string_view("t\0o", 3));
    output.flush();
    close_write_end();
    EXPECT_EQ(read_all(), std::string("one t\0o", 7));
}

TEST_F(OutputTest, IsFlushedWhenMuchIsHeld) {
    auto reader = std::async(std::launch::async, [this] { return read_all(); });
    cli::Output output(write_end_);
    output.write(std::string(1 << 20, 'x'));
    close_write_end();
    EXPECT_EQ(reader.get().size(), std::size_t{1} << 20);
}

TEST_F(OutputTest, SurvivesPartialWrites) {
    auto reader = std::async(std::launch::async, [this] { return read_all(); });
    std::string sent;
    {
        cli::Output output(write_end_);
        for (int i = 0; i < 100'000; ++i) {
            const auto line = "line " + std::to_string(i) + '\n';
            output.write(line);
            sent += line;
        }
        output.flush();
    }
    close_write_end();
    EXPECT_TRUE(reader.get() == sent);
}

TEST_F(OutputTest, DropsWhatItHoldsAtItsEnd) {
    {
        cli::Output output(write_end_);
        output.write("hello");
    }
    EXPECT_FALSE(readable());
}

TEST_F(OutputTest, TellsThatItsReaderHasGone) {
    close_read_end();
    cli::Output output(write_end_);
    output.write("hello");
    try {
        output.flush();
        FAIL() << "written to nobody";
    } catch (const cli::OutputError& error) {
        EXPECT_TRUE(error.reader_gone());
    }
}

TEST_F(OutputTest, TellsThatTheDiskIsFull) {
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ASSERT_GE(full, 0);
    cli::Output output(full);
    output.write("hello");
    try {
        output.flush();
        ADD_FAILURE() << "written to a full disk";
    } catch (const cli::OutputError& error) {
        EXPECT_FALSE(error.reader_gone());
        EXPECT_NE(std::string(error.what()).find("No space left on device"), std::string::npos) << error.what();
    }
    close(full);
}

TEST_F(OutputTest, TellsOfAFullDiskWhenMuchIsWritten) {
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ASSERT_GE(full, 0);
    cli::Output output(full);
    EXPECT_THROW(output.write(std::string(1 << 20, 'x')), cli::OutputError);
    close(full);
}

TEST_F(OutputTest, TellsThatItsDescriptorIsNotOpenForWriting) {
    cli::Output output(read_end_);
    output.write("hello");
    EXPECT_THROW(output.flush(), cli::OutputError);
}

TEST_F(OutputTest, OfNothingNeverFails) {
    close_read_end();
    cli::Output output(write_end_);
    output.write("");
    EXPECT_NO_THROW(output.flush());
}

}  // namespace
