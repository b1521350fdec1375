#pragma once

#include "rabbit/message.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

struct pollfd;

namespace receiving {

/// How a command ended.
struct CommandStatus {
    int exit_status = 0;  ///< meaningless if a signal ended it
    int signal = 0;

    [[nodiscard]] bool succeeded() const noexcept { return exit_status == 0 && signal == 0; }
    /// "exited with status 3", "was killed by signal 9 (Killed)"
    [[nodiscard]] std::string text() const;
};

/// Runs `command` (no shell between) with the message's body on its standard input and its properties in the
/// environment. `wait` is called whenever there is something to wait for, and returns when one of the descriptors is
/// ready. The command need not read. Throws cli::Failure of code `failed` if it cannot be started; whatever `wait`
/// throws is thrown on once the command has ended.
CommandStatus run_command(const std::vector<std::string>& command, const rabbit::Delivery& delivery,
                          const std::function<void(std::span<pollfd>)>& wait);

}  // namespace receiving
