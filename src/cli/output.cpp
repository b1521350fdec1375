#include "output.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cli {
namespace {

/// O_NONBLOCK belongs to the open file that other processes share, a shell's terminal above all; opening it once more
/// makes one that they do not. -1 where that is not possible or not needed.
int open_nonblocking(int descriptor) {
    struct stat status {};
    if (fstat(descriptor, &status) != 0 || !(S_ISFIFO(status.st_mode) || isatty(descriptor))) {
        return -1;
    }
    return open(fmt::format("/proc/self/fd/{}", descriptor).c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

}  // namespace

OutputError::OutputError(int error)
    : Failure(error == EPIPE ? ExitCode::reader_gone : ExitCode::bad_output,
              fmt::format("cannot write to standard output: {}", std::strerror(error))) {}

Output::Output(int descriptor, std::function<void(int)> wait_writable)
    : descriptor_(descriptor), wait_writable_(std::move(wait_writable)) {
    if (wait_writable_) {
        owned_ = open_nonblocking(descriptor);
        descriptor_ = owned_ >= 0 ? owned_ : descriptor;
    }
}

Output::~Output() {
    if (owned_ >= 0) {
        close(owned_);
    }
}

void Output::flush() {
    std::size_t written = 0;
    while (written < buffer_.size()) {
        const auto count = ::write(descriptor_, buffer_.data() + written, buffer_.size() - written);
        if (count >= 0) {
            written += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN) {
            buffer_.erase(0, std::exchange(written, 0));
            if (wait_writable_) {
                wait_writable_(descriptor_);
            } else {
                pollfd writable{descriptor_, POLLOUT, 0};
                poll(&writable, 1, -1);
            }
        } else if (errno != EINTR) {
            const int error = errno;
            buffer_.erase(0, written);
            throw OutputError(error);
        }
    }
    buffer_.clear();
}

}  // namespace cli
