#pragma once

#include "exit_code.hpp"

namespace cli {

/// Turns the first SIGINT or SIGTERM into a readable descriptor while it lives, so that what is under way can be
/// finished in order; the second ends the process as if it had not been there. A signal that the parent had ignored
/// (a shell's background job) stays ignored. SIGPIPE becomes a write error. One at a time.
class Signals {
public:
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    /// Readable from the first signal on.
    [[nodiscard]] int descriptor() const noexcept { return read_end_; }

    /// 130 or 143, after the signal that came first.
    [[nodiscard]] static ExitCode exit_code() noexcept;

private:
    int read_end_ = -1;
};

}  // namespace cli
