#include "signals.hpp"

#include <cerrno>
#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace cli {
namespace {

// A handler has no other way to them.
volatile std::sig_atomic_t caught = 0;
volatile std::sig_atomic_t write_end = -1;

constexpr int handled[] = {SIGINT, SIGTERM};

void on_signal(int signal) {
    const int error = errno;
    for (const int each : handled) {
        if (std::signal(each, SIG_DFL) == SIG_IGN) {
            std::signal(each, SIG_IGN);
        }
    }
    caught = signal;
    [[maybe_unused]] const auto written = write(write_end, "", 1);
    errno = error;
}

}  // namespace

Signals::Signals() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        throw std::system_error(errno, std::generic_category(), "cannot watch for signals");
    }
    read_end_ = ends[0];
    write_end = ends[1];
    std::signal(SIGPIPE, SIG_IGN);
    for (const int each : handled) {
        if (std::signal(each, on_signal) == SIG_IGN) {
            std::signal(each, SIG_IGN);
        }
    }
}

Signals::~Signals() {
    for (const int each : handled) {
        if (std::signal(each, SIG_DFL) == SIG_IGN) {
            std::signal(each, SIG_IGN);
        }
    }
    close(read_end_);
    close(write_end);
}

ExitCode Signals::exit_code() noexcept {
    return caught == SIGTERM ? ExitCode::terminated : ExitCode::interrupted;
}

}  // namespace cli
