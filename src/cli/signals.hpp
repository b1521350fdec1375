#pragma once

#include "exit_code.hpp"

#include <optional>

namespace cli {

/// While it lives, the first SIGINT or SIGTERM makes a descriptor readable, so that what is under way can be finished
/// in order; a second one ends the process at once. A signal that was ignored at the start, as a shell's background job
/// ignores SIGINT, stays ignored. SIGPIPE is ignored: writing to a closed pipe fails instead. One at a time.
class Signals {
public:
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    /// Readable from the first signal on. Do not read from it.
    // NOLINTNEXTLINE(readability-convert-member-functions-to-static): there has to be an object
    [[nodiscard]] int descriptor() const noexcept;
};

/// The signal that came first; empty: none did. Also after the end of the Signals that saw it.
std::optional<int> first_signal() noexcept;

/// 143 if that was SIGTERM, else 130.
ExitCode exit_code_of_signal() noexcept;

}  // namespace cli
