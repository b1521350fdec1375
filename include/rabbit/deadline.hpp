#pragma once

#include <chrono>
#include <optional>

namespace rabbit {

using Clock = std::chrono::steady_clock;

/// The point in time at which a wait gives up; empty: it never does.
using Deadline = std::optional<Clock::time_point>;

inline bool passed(Deadline deadline) {
    return deadline && Clock::now() >= *deadline;
}

/// The earlier of two deadlines.
inline Deadline earlier(Deadline a, Deadline b) {
    if (!a || !b) {
        return a ? a : b;
    }
    return *a < *b ? a : b;
}

}  // namespace rabbit
