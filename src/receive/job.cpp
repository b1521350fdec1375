#include "job.hpp"

#include "command_environment.hpp"
#include "failure.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <system_error>
#include <tuple>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace receiving {
namespace {

using rabbit::Clock;

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (auto& text : texts) {
        result.push_back(text.data());
    }
    result.push_back(nullptr);
    return result;
}

/// What a command is started with.
struct Start {
    std::vector<std::string> command;
    std::vector<std::string> environment;
    const cli::Fd& standard_input;
    const cli::Fd& standard_output;  ///< none: this process's
    bool own_group;
};

/// The error of posix_spawnp, and the process if there is none. The command gets the signals that this process handles
/// or ignores with their default actions.
std::pair<int, pid_t> spawn(Start start) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, start.standard_input.get(), STDIN_FILENO);
    if (start.standard_output) {
        posix_spawn_file_actions_adddup2(&actions, start.standard_output.get(), STDOUT_FILENO);
    }
    posix_spawnattr_init(&attributes);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes,
                             static_cast<short>(POSIX_SPAWN_SETSIGDEF | (start.own_group ? POSIX_SPAWN_SETPGROUP : 0)));
    pid_t pid = -1;
    const int error = posix_spawnp(&pid, start.command.front().c_str(), &actions, &attributes,
                                   pointers_to(start.command).data(), pointers_to(start.environment).data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return {error, pid};
}

/// RabbitMQ takes no larger message unless it is configured to.
constexpr std::size_t most_output = std::size_t{128} << 20;

/// The ends of a pipe to read from and to write to.
std::pair<cli::Fd, cli::Fd> make_pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
    }
    return {cli::Fd(ends[0]), cli::Fd(ends[1])};
}

}  // namespace

std::string CommandStatus::text() const {
    if (!not_run.empty()) {
        return fmt::format("was not run, since {}", not_run);
    }
    if (timeout) {
        return fmt::format("did not end within {} s", timeout->count());
    }
    if (overflow) {
        return fmt::format("wrote more than {} MiB to standard output", most_output >> 20);
    }
    return signal != 0 ? fmt::format("was killed by signal {} ({})", signal, strsignal(signal))
                       : fmt::format("exited with status {}", exit_status);
}

Job::Job(const std::vector<std::string>& command, rabbit::Delivery delivery, const JobOptions& options)
    : delivery_(std::move(delivery)), body_(delivery_.message.body), timeout_(options.timeout) {
    start(command, options);
}

void Job::start(const std::vector<std::string>& command, const JobOptions& options) {
    const CommandEnvironment environment(delivery_);
    if (auto why = environment.why_unfit(); !why.empty()) {
        status_.not_run = std::move(why);
        ended_ = true;
        return;
    }
    cli::Fd input;
    std::tie(input, input_) = make_pipe();
    fcntl(input_.get(), F_SETFL, O_NONBLOCK);
    cli::Fd output;
    if (options.output == CommandOutput::captured) {
        std::tie(output_, output) = make_pipe();
        fcntl(output_.get(), F_SETFL, O_NONBLOCK);
    }
    std::signal(SIGCHLD, SIG_DFL);  // if it is ignored, the system forgets how the command ended
    const auto [error, pid] = spawn({command, environment.with_own(), input, output, timeout_.has_value()});
    if (error == E2BIG) {
        status_.not_run = environment.why_too_large();
        ended_ = true;
        return;
    }
    if (error != 0) {
        throw cli::Failure(cli::ExitCode::failed,
                           fmt::format("cannot run '{}': {}", command.front(), std::strerror(error)));
    }
    pid_ = pid;
    exit_.reset(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    due_ = cli::after(Clock::now(), timeout_);
}

Job::~Job() {
    while (!ended_) {
        pollfd watched[descriptors];
        watch(watched);
        wait_without_broker(watched, due_);
        try {
            attend(watched);
        } catch (const std::exception&) {  // nobody learns how it ended
            return;
        }
    }
}

void Job::watch(std::span<pollfd> watched) const {
    watched[0] = {exit_.get(), POLLIN, 0};
    watched[1] = {input_.get(), POLLOUT, 0};
    watched[2] = {output_.get(), POLLIN, 0};
}

void Job::attend(std::span<const pollfd> watched) {
    if (ended_) {
        return;
    }
    if (watched[2].revents != 0) {
        drain();
    }
    // Without pidfd_open(2), Linux 5.3, no heartbeats are kept once the body is written.
    if (watched[0].revents != 0 || (!exit_ && !input_ && !output_)) {
        reap();
        return;
    }
    if (watched[1].revents != 0) {
        feed();
    }
    if (rabbit::passed(due_)) {
        end_late();
    }
}

/// Writes what the pipe takes; closes it at the body's end or when the command no longer reads.
void Job::feed() {
    const auto count = body_.empty() ? 0 : write(input_.get(), body_.data(), body_.size());
    if (count > 0) {
        body_.remove_prefix(static_cast<std::size_t>(count));
    }
    if (body_.empty() || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        input_.reset();
    }
}

/// Reads what the pipe holds; closes it at its end, or when the command has written more than may be.
void Job::drain() {
    char buffer[64 * 1024];
    while (output_) {
        const auto count = read(output_.get(), buffer, sizeof buffer);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (count <= 0 || status_.output.size() > most_output) {
            output_.reset();
            return;
        }
        status_.output.append(buffer, static_cast<std::size_t>(count));
    }
}

void Job::reap() {
    int status = 0;
    ended_ = true;
    while (waitpid(pid_, &status, 0) < 0) {
        if (errno != EINTR) {
            throw std::system_error(errno, std::generic_category(), "cannot learn how the command ended");
        }
    }
    if (status_.timeout) {  // what it has started
        signal_all(SIGKILL);
    }
    drain();
    status_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    status_.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    status_.overflow = status_.output.size() > most_output;
    input_.reset();
    output_.reset();
    exit_.reset();
}

/// By SIGTERM, and by SIGKILL if that has not ended it.
void Job::end_late() {
    constexpr std::chrono::seconds grace{5};
    signal_all(status_.timeout ? SIGKILL : SIGTERM);
    due_ = status_.timeout ? rabbit::Deadline() : rabbit::Deadline(Clock::now() + grace);
    status_.timeout = timeout_;
}

void Job::signal_all(int signal) const noexcept {
    kill(-pid_, signal);
}

void wait_without_broker(std::span<pollfd> watched, rabbit::Deadline deadline) {
    const auto left = deadline ? std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count() : -1;
    poll(watched.data(), watched.size(), static_cast<int>(deadline ? std::max<long>(left, 0) : -1));
}

}  // namespace receiving
