#pragma once

#include "exit_code.hpp"
#include "options.hpp"

#include <cstdint>
#include <string>

namespace receiving {

/// Why receiving ended.
enum class Ending {
    counted,         ///< --count is reached
    out_of_time,     ///< --timeout or --idle
    drained,         ///< --drain: the queue is empty
    interrupted,     ///< by a signal
    command_failed,  ///< with --on-failure stop
};

/// What became of the messages of a run.
struct Tally {
    std::uint64_t taken = 0;      ///< printed, moved, or handled by COMMAND
    std::uint64_t rejected = 0;   ///< of those taken, because COMMAND failed
    std::uint64_t sent_back = 0;  ///< to the queue, because COMMAND failed
    std::uint64_t left = 0;       ///< in the queue, because they could not be moved
};

/// The exit code of a run that ended so. `signal` is that of the signal which interrupted it. docs/acks.md has the table.
cli::ExitCode exit_code(Ending ending, const Options& options, const Tally& tally, cli::ExitCode signal);

/// In words, what was asked for and not reached; empty if there is nothing to say.
std::string shortfall(Ending ending, const Options& options, const Tally& tally);

/// A signal is the ordinary end of what nothing else would end.
cli::ExitCode exit_code_of_signal(const Options& options, cli::ExitCode signal);

}  // namespace receiving
