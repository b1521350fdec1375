#include "output.hpp"

#include "fd.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <future>
#include <string>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
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
    {
        cli::Output output(write_end_);
        output.write("one ");
        output.flush();
        output.flush();
        output.write(std::string_view("t\0o", 3));
        output.flush();
    }
    close_write_end();
    EXPECT_EQ(read_all(), std::string("one t\0o", 7));
}

TEST_F(OutputTest, IsFlushedWhenMuchIsHeld) {
    auto reader = std::async(std::launch::async, [this] { return read_all(); });
    {
        cli::Output output(write_end_);
        output.write(std::string(1 << 20, 'x'));
    }
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

// A reader that pauses. Each kind of output is filled until a wait is asked for; only then is it read.

struct Ends {
    cli::Fd written;
    cli::Fd read;
};

Ends make_pipe() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    return {cli::Fd(ends[1]), cli::Fd(ends[0])};
}

Ends make_sockets(int type) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
    return {cli::Fd(ends[1]), cli::Fd(ends[0])};
}

Ends make_terminal() {
    cli::Fd master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    EXPECT_EQ(grantpt(master.get()) + unlockpt(master.get()), 0);
    cli::Fd slave(open(ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    termios settings{};
    EXPECT_EQ(tcgetattr(slave.get(), &settings), 0);
    cfmakeraw(&settings);
    EXPECT_EQ(tcsetattr(slave.get(), TCSANOW, &settings), 0);
    return {std::move(slave), std::move(master)};
}

Ends make_fifo() {
    const auto path = testing::TempDir() + "output_test." + std::to_string(getpid());
    EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
    cli::Fd read(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    cli::Fd written(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    unlink(path.c_str());
    return {std::move(written), std::move(read)};
}

/// As if the pipe or terminal belonged to somebody else, while it lives.
class WithoutPermission {
public:
    explicit WithoutPermission(int fd) {
        EXPECT_EQ(fchmod(fd, 0), 0);
        EXPECT_EQ(geteuid() == 0 ? seteuid(65534) : 0, 0);
    }
    ~WithoutPermission() { EXPECT_EQ(getuid() == 0 ? seteuid(0) : 0, 0); }
    WithoutPermission(const WithoutPermission&) = delete;
    WithoutPermission& operator=(const WithoutPermission&) = delete;
};

struct Paused {};

/// Writes until the reader would have to be waited for. Ends the process where a write blocks.
void write_until_full(cli::Output& output) {
    alarm(20);
    EXPECT_THROW(
        for (int i = 0; i < 1000; ++i) { output.write(std::string(10'000, 'x')); }, Paused);
    alarm(0);
}

void expect_never_blocks(const Ends& ends) {
    cli::Output output(ends.written.get(), [](int) { throw Paused(); });
    write_until_full(output);
    EXPECT_EQ(fcntl(ends.written.get(), F_GETFL) & O_NONBLOCK, 0) << "others share it";
}

void expect_never_blocks_without_permission(const Ends& ends) {
    const WithoutPermission permission(ends.written.get());
    expect_never_blocks(ends);
}

TEST(OutputToASlowReader, NeverBlocksOnAPipe) {
    expect_never_blocks(make_pipe());
}

TEST(OutputToASlowReader, NeverBlocksOnAFifo) {
    expect_never_blocks(make_fifo());
}

TEST(OutputToASlowReader, NeverBlocksOnAStreamSocket) {
    expect_never_blocks(make_sockets(SOCK_STREAM));
}

TEST(OutputToASlowReader, NeverBlocksOnAPacketSocket) {
    expect_never_blocks(make_sockets(SOCK_SEQPACKET));
}

TEST(OutputToASlowReader, NeverBlocksOnATerminal) {
    expect_never_blocks(make_terminal());
}

TEST(OutputToASlowReader, NeverBlocksOnAPipeOfAnotherUser) {
    expect_never_blocks_without_permission(make_pipe());
}

TEST(OutputToASlowReader, NeverBlocksOnAFifoOfAnotherUser) {
    expect_never_blocks_without_permission(make_fifo());
}

TEST(OutputToASlowReader, NeverBlocksOnATerminalOfAnotherUser) {
    expect_never_blocks_without_permission(make_terminal());
}

/// Everything arrives, in order, although the reader reads only while it is waited for.
void expect_everything_arrives(const Ends& ends) {
    std::string got;
    const auto read_some = [&] {
        char buffer[3000];
        const auto count = read(ends.read.get(), buffer, sizeof buffer);
        ASSERT_GE(count, 0);
        got.append(buffer, static_cast<std::size_t>(count));
    };
    std::string sent;
    for (int i = 0; i < 30'000; ++i) {
        sent += std::to_string(i) + '\n';
    }
    cli::Output output(ends.written.get(), [&](int) { read_some(); });
    const std::string end = "and the end";
    output.write(sent, end);
    sent += end;
    output.flush();
    while (got.size() < sent.size()) {
        ASSERT_NO_FATAL_FAILURE(read_some());
    }
    EXPECT_TRUE(got == sent);
}

TEST(OutputToASlowReader, LosesNothingOnAPipe) {
    expect_everything_arrives(make_pipe());
}

TEST(OutputToASlowReader, LosesNothingOnAStreamSocket) {
    expect_everything_arrives(make_sockets(SOCK_STREAM));
}

TEST(OutputToASlowReader, LosesNothingOnATerminal) {
    expect_everything_arrives(make_terminal());
}

TEST(OutputToASlowReader, LosesNothingOnAPipeOfAnotherUser) {
    const auto ends = make_pipe();
    const WithoutPermission permission(ends.written.get());
    expect_everything_arrives(ends);
}

TEST(OutputToASlowReader, IsWaitedForWithoutACallback) {
    const auto ends = make_sockets(SOCK_STREAM);
    auto reader = std::async(std::launch::async, [&] {
        std::string all;
        char buffer[4096];
        for (ssize_t count; (count = read(ends.read.get(), buffer, sizeof buffer)) > 0;) {
            all.append(buffer, static_cast<std::size_t>(count));
        }
        return all.size();
    });
    {
        cli::Output output(ends.written.get());
        output.write(std::string(1 << 20, 'x'));
        output.flush();
    }
    shutdown(ends.written.get(), SHUT_WR);
    EXPECT_EQ(reader.get(), std::size_t{1} << 20);
}

TEST(OutputToASlowReader, OnlyBuffersWhatIsAppended) {
    const auto ends = make_pipe();
    cli::Output output(ends.written.get(), [](int) { throw Paused(); });
    output.append(std::string(1 << 20, 'x'));
    pollfd polled{ends.read.get(), POLLIN, 0};
    EXPECT_EQ(poll(&polled, 1, 0), 0);
    EXPECT_THROW(output.flush_if_full(), Paused);
}

TEST(OutputToASocket, TellsThatItsReaderHasGone) {
    auto ends = make_sockets(SOCK_STREAM);
    ends.read.reset();
    cli::Output output(ends.written.get());  // and SIGPIPE, at its default, does not end the process
    output.write("hello");
    try {
        output.flush();
        FAIL() << "written to nobody";
    } catch (const cli::OutputError& error) {
        EXPECT_TRUE(error.reader_gone());
    }
}

TEST(OutputOfALargeText, LeavesWithItsEndAndWithWhatWasBuffered) {
    const auto ends = make_sockets(SOCK_SEQPACKET);  // keeps apart what is written apart
    cli::Output output(ends.written.get());
    const std::string text(100'000, 'x');
    output.write("1,");
    output.write(text, "\n");
    output.write(text, "\n");
    std::string packet(2 * text.size(), '\0');
    for (const auto& expected : {"1," + text + "\n", text + "\n"}) {
        const auto count = read(ends.read.get(), packet.data(), packet.size());
        EXPECT_EQ(packet.substr(0, static_cast<std::size_t>(count)), expected);
    }
}

TEST(OutputOfALargeText, LeavesInPiecesOf128KiB) {
    const auto ends = make_sockets(SOCK_SEQPACKET);
    cli::Output output(ends.written.get(), [](int) { FAIL() << "the socket has room for all of it"; });
    const std::string text(140'000, 'x');
    output.write(text, "\n");
    std::string packet(text.size(), '\0');
    EXPECT_EQ(read(ends.read.get(), packet.data(), packet.size()), 131'072);
    EXPECT_EQ(read(ends.read.get(), packet.data(), packet.size()), 140'001 - 131'072);
    EXPECT_EQ(packet[140'000 - 131'072], '\n');
}

struct Interrupted {};

/// Parts of a message: small ones, pieces that are appended to the buffer, and a large one.
void write_parts(cli::Output& output, const std::string& body) {
    output.write("begin");
    for (std::size_t at = 0; at < body.size(); at += 40'000) {
        output.buffer().append(body, at, 40'000);
        output.flush_if_full();
    }
    output.write(body, "\n");
    output.write("end");
}

TEST(OutputOfAWholeMessage, StaysWholeWhereTheWaitFails) {
    const auto ends = make_sockets(SOCK_STREAM);
    const std::string body(4'000'000, 'x');
    int waits = 0;
    cli::Output output(ends.written.get(), [&](int) {
        if (++waits == 1) {
            throw Interrupted();
        }
        pollfd writable{ends.written.get(), POLLOUT, 0};
        poll(&writable, 1, -1);
    });
    EXPECT_THROW(output.write_whole([&] { write_parts(output, body); }), Interrupted);
    EXPECT_EQ(waits, 1);
    auto reader = std::async(std::launch::async, [&] {
        std::string got;
        char buffer[65'536];
        for (ssize_t count; (count = read(ends.read.get(), buffer, sizeof buffer)) > 0;) {
            got.append(buffer, static_cast<std::size_t>(count));
        }
        return got;
    });
    EXPECT_NO_THROW(output.write_whole([&] { output.write("after"); }));
    EXPECT_NO_THROW(output.flush());
    shutdown(ends.written.get(), SHUT_WR);
    EXPECT_TRUE(reader.get() == "begin" + body + body + "\nend" + "after");
}

TEST(OutputOfAWholeMessage, EndsAtOnceWhenItsReaderHasGone) {
    auto ends = make_sockets(SOCK_STREAM);
    cli::Output output(ends.written.get());
    ends.read.reset();
    bool went_on = false;
    EXPECT_THROW(output.write_whole([&] {
        output.write(std::string(100'000, 'x'));
        went_on = true;
    }),
                 cli::OutputError);
    EXPECT_FALSE(went_on);
}

TEST(OutputOfAWholeMessage, IsWrittenInBetween) {
    const auto ends = make_sockets(SOCK_SEQPACKET);
    cli::Output output(ends.written.get(), [](int) { FAIL() << "the socket has room for all of it"; });
    std::size_t most = 0;
    output.write_whole([&output, &most] {
        for (int i = 0; i < 4; ++i) {
            output.buffer().append(40'000, 'x');
            most = std::max(most, output.buffer().size());
            output.flush_if_full();
        }
    });
    EXPECT_EQ(most, 80'000U);
    std::string packet(100'000, '\0');
    EXPECT_EQ(read(ends.read.get(), packet.data(), packet.size()), 80'000);
    EXPECT_EQ(read(ends.read.get(), packet.data(), packet.size()), 80'000);
}

}  // namespace
