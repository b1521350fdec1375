#include "output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <iterator>
#include <numeric>
#include <span>
#include <tuple>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

namespace cli {
namespace {

struct stat status_of(int descriptor) {
    struct stat status {};
    fstat(descriptor, &status);
    return status;
}

Fd open_nonblocking(const char* path) {
    return Fd(open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

/// O_NONBLOCK belongs to an open file, which other processes share, such as a shell its terminal. Opening the same pipe
/// or terminal again makes an open file that nobody shares. Fails where /proc is not mounted, or where another user
/// owns it.
Fd reopen_nonblocking(int descriptor, const struct stat& status) {
    const bool terminal = S_ISCHR(status.st_mode) && isatty(descriptor);
    if (!terminal && !S_ISFIFO(status.st_mode)) {
        return {};
    }
    auto reopened = open_nonblocking(fmt::format("/proc/self/fd/{}", descriptor).c_str());
    if (!reopened && terminal && tcgetsid(descriptor) == getsid(0)) {
        reopened = open_nonblocking("/dev/tty");
    }
    return reopened;
}

/// At once. Larger writes make Linux look for larger pieces of free memory for its cache of files, which can take longer
/// than all the rest.
constexpr std::size_t most_written = std::size_t{128} * 1024;

std::size_t total_size(std::span<const std::string_view> texts) {
    return std::accumulate(texts.begin(), texts.end(), std::size_t{0},
                           [](std::size_t sum, std::string_view text) { return sum + text.size(); });
}

void remove_prefix(std::span<std::string_view> texts, std::size_t count) {
    for (auto& text : texts) {
        const auto of_text = std::min(count, text.size());
        text.remove_prefix(of_text);
        count -= of_text;
    }
}

}  // namespace

OutputError::OutputError(int error)
    : Failure(error == EPIPE ? ExitCode::reader_gone : ExitCode::bad_output,
              fmt::format("cannot write to standard output: {}", std::strerror(error))) {}

Output::Output(int descriptor, Wait wait_writable) : wait_writable_(std::move(wait_writable)) {
    const auto status = status_of(descriptor);
    const bool fails = (fcntl(descriptor, F_GETFL) & O_ACCMODE) == O_RDONLY;  // it is not open for writing
    reopened_ = fails ? Fd() : reopen_nonblocking(descriptor, status);
    descriptor_ = reopened_ ? reopened_.get() : descriptor;
    const bool never_blocks = fails || reopened_ || S_ISREG(status.st_mode) || S_ISBLK(status.st_mode);
    kind_ = never_blocks ? Kind::never_blocks : S_ISSOCK(status.st_mode) ? Kind::socket : Kind::other;
}

void Output::wait_without_limit(int descriptor) {
    pollfd writable{descriptor, POLLOUT, 0};
    poll(&writable, 1, -1);
}

/// Writes what is buffered, and then the text and its end. What an exception keeps from being written stays buffered.
void Output::write_out(std::string_view text, std::string_view end) {
    if (failure_) {
        buffer_.append(text).append(end);
        return;
    }
    Parts parts{buffer_, text, end};
    const auto keep = [&] { buffer_ = std::string(parts[0]).append(parts[1]).append(parts[2]); };
    try {
        while (total_size(parts) > 0) {
            if (const auto count = write_some(parts)) {
                remove_prefix(parts, *count);
            } else if (errno == EAGAIN) {
                wait_writable_(descriptor_);
            } else if (errno != EINTR) {
                throw OutputError(errno);
            }
        }
    } catch (const OutputError&) {  // nothing more can be written
        keep();
        throw;
    } catch (...) {
        keep();
        if (!puts_off_) {
            throw;
        }
        failure_ = std::current_exception();
        return;
    }
    buffer_.clear();
}

/// How many bytes were written. Empty: none, and errno says why.
std::optional<std::size_t> Output::write_some(const Parts& parts) const {
    std::size_t room = most_written;
    if (kind_ == Kind::other) {
        pollfd writable{descriptor_, POLLOUT, 0};
        if (poll(&writable, 1, 0) == 0) {
            errno = EAGAIN;
            return std::nullopt;
        }
        // A writable pipe has room for that much (pipe(7)), and a writable terminal for a little.
        room = isatty(descriptor_) ? 256 : PIPE_BUF;
    }
    iovec vectors[std::tuple_size_v<Parts>];
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto part = parts[i].substr(0, room);
        vectors[i] = {const_cast<char*>(part.data()), part.size()};
        room -= part.size();
    }
    msghdr message{};
    message.msg_iov = vectors;
    message.msg_iovlen = std::size(vectors);
    const auto count = kind_ == Kind::socket ? sendmsg(descriptor_, &message, MSG_DONTWAIT | MSG_NOSIGNAL)
                                             : writev(descriptor_, vectors, std::size(vectors));
    return count >= 0 ? std::optional(static_cast<std::size_t>(count)) : std::nullopt;
}

}  // namespace cli
