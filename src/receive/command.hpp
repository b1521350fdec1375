#pragma once

#include "rabbit/message.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

struct pollfd;

namespace receiving {

/// How a command ended for one message.
struct CommandStatus {
    int exit_status = 0;  ///< meaningless if a signal ended it
    int signal = 0;
    std::string not_run = {};  ///< why the command could not be given this message; empty if it was run
    bool overflow = false;     ///< it wrote more than captured output may hold
    std::string output = {};   ///< what it wrote to standard output, if that was captured

    [[nodiscard]] bool succeeded() const noexcept {
        return exit_status == 0 && signal == 0 && not_run.empty() && !overflow;
    }
    /// "exited with status 3", "was killed by signal 9 (Killed)",
    /// "was not run, since AMQP_HEADERS is too large for an environment (140000 bytes)"
    [[nodiscard]] std::string text() const;
};

enum class CommandOutput { inherited, captured };

/// Runs `command`, with no shell in between, with the message's body on its standard input and its properties in the
/// environment. The command need not read the body. What it writes to
/// standard output is captured, up to 128 MiB, or goes where this process's goes. `wait` is called whenever there is something to wait for, and
/// returns when one of the descriptors is ready.
///
/// A message that cannot be handed over, because a property does not fit into an environment, is a status that did not
/// succeed. Throws cli::Failure of code `failed` if the command cannot be run at all. What `wait` throws is thrown on
/// once the command has ended.
CommandStatus run_command(const std::vector<std::string>& command, const rabbit::Delivery& delivery,
                          CommandOutput output, const std::function<void(std::span<pollfd>)>& wait);

}  // namespace receiving
