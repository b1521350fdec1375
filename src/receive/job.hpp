#pragma once

#include "fd.hpp"
#include "rabbit/deadline.hpp"
#include "rabbit/message.hpp"
#include "seconds.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <poll.h>
#include <sys/types.h>

namespace receiving {

/// How a command ended for one message.
struct CommandStatus {
    int exit_status = 0;  ///< meaningless if a signal ended it
    int signal = 0;
    std::string not_run = {};                  ///< why the command could not be given this message; empty: it was run
    std::optional<cli::Seconds> timeout = {};  ///< it ran for longer than this
    bool overflow = false;                     ///< it wrote more than captured output may hold
    std::string output = {};                   ///< what it wrote to standard output, if that was captured

    [[nodiscard]] bool exited() const noexcept { return signal == 0 && not_run.empty() && !timeout && !overflow; }
    [[nodiscard]] bool succeeded() const noexcept { return exited() && exit_status == 0; }
    /// "exited with status 3", "was killed by signal 9 (Killed)", "did not end within 2 s",
    /// "was not run, since AMQP_HEADERS is too large for an environment (140000 bytes)"
    [[nodiscard]] std::string text() const;
};

enum class CommandOutput { inherited, captured };

struct JobOptions {
    CommandOutput output = CommandOutput::inherited;
    std::optional<cli::Seconds> timeout = {};
};

/// A command that runs for one message, with no shell in between: the message's body is on its standard input and its
/// properties are in the environment. The command need not read the body. What it writes to standard output is captured,
/// up to 128 MiB, or goes where this process's goes. With a timeout it has a process group of its own, so that what it
/// has started ends with it.
class Job {
public:
    static constexpr std::size_t descriptors = 3;

    /// Starts it. A message that cannot be handed over, because a property does not fit into an environment, is a status
    /// that did not succeed. Throws cli::Failure of code `failed` if the command cannot be run at all.
    Job(const std::vector<std::string>& command, rabbit::Delivery delivery, const JobOptions& options);
    /// Waits until it has ended: half a body would look like a whole one.
    ~Job();
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    [[nodiscard]] bool ended() const noexcept { return ended_; }
    /// How it ended.
    [[nodiscard]] CommandStatus& status() noexcept { return status_; }
    [[nodiscard]] const rabbit::Delivery& delivery() const noexcept { return delivery_; }

    /// What to watch: as many as `descriptors`.
    void watch(std::span<pollfd> watched) const;
    /// When attend() is to be called even if none of them is ready.
    [[nodiscard]] rabbit::Deadline due() const noexcept { return due_; }
    /// Does what there is to do, after a wait.
    void attend(std::span<const pollfd> watched);

private:
    void start(const std::vector<std::string>& command, const JobOptions& options);
    void feed();
    void drain();
    void reap();
    void end_late();
    void signal_all(int signal) const noexcept;

    rabbit::Delivery delivery_;
    std::string_view body_;  ///< the rest that is not written yet
    std::optional<cli::Seconds> timeout_;
    rabbit::Deadline due_;
    CommandStatus status_;
    bool ended_ = false;
    pid_t pid_ = -1;
    cli::Fd exit_;  ///< a pidfd
    cli::Fd input_;
    cli::Fd output_;
};

/// Waits for descriptors of jobs where no connection is left to look after.
void wait_without_broker(std::span<pollfd> watched, rabbit::Deadline deadline);

}  // namespace receiving
