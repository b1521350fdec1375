#include "signals.hpp"

#include "fd.hpp"

#include <cerrno>
#include <csignal>
#include <system_error>

#include <sys/socket.h>
#include <unistd.h>

namespace cli {
namespace {

constexpr int handled[] = {SIGINT, SIGTERM};

// A handler has no other way to it.
volatile std::sig_atomic_t write_end = -1;

/// Where the handler leaves the signals' numbers. A pair of sockets, unlike a pipe, can be read without taking out what
/// it holds.
struct Pair {
    Fd read_end;
    Fd write_end;

    Pair() {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
            throw std::system_error(errno, std::generic_category(), "cannot watch for signals");
        }
        read_end.reset(ends[0]);
        write_end.reset(ends[1]);
    }
};

Pair& pair() {
    static Pair the_pair;
    return the_pair;
}

/// Replaces the action of a signal that has `from`, and of no other.
void replace(int signal, void (*from)(int), void (*to)(int)) noexcept {
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler == from) {
        action = {};
        action.sa_handler = to;
        sigaction(signal, &action, nullptr);
    }
}

void end_at_once(int signal) {
    _exit(128 + signal);
}

/// The kernel spares process 1 of a container the default action of a signal (pid_namespaces(7)).
void on_signal(int signal) {
    const int error = errno;
    for (const int each : handled) {
        replace(each, on_signal, getpid() == 1 ? end_at_once : SIG_DFL);
    }
    [[maybe_unused]] const auto count = send(write_end, &signal, sizeof signal, MSG_NOSIGNAL);
    errno = error;
}

std::optional<int> received(int flags) noexcept {
    int signal = 0;
    const bool there = recv(pair().read_end.get(), &signal, sizeof signal, flags) > 0;
    return there ? std::optional(signal) : std::nullopt;
}

}  // namespace

Signals::Signals() {
    write_end = pair().write_end.get();
    while (received(0)) {  // from the time of another
    }
    std::signal(SIGPIPE, SIG_IGN);
    for (const int each : handled) {
        replace(each, SIG_DFL, on_signal);
    }
}

Signals::~Signals() {
    for (const int each : handled) {
        replace(each, on_signal, SIG_DFL);
    }
}

// NOLINTNEXTLINE(readability-convert-member-functions-to-static)
int Signals::descriptor() const noexcept {
    return pair().read_end.get();
}

std::optional<int> first_signal() noexcept {
    return received(MSG_PEEK);
}

ExitCode exit_code_of_signal() noexcept {
    return first_signal() == SIGTERM ? ExitCode::terminated : ExitCode::interrupted;
}

}  // namespace cli
