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

/// A duration as error messages give it.
inline double in_seconds(std::chrono::duration<double> duration) {
    return duration.count();
}

/// A deadline that can say how long it allowed.
struct TimeLimit {
    explicit TimeLimit(std::chrono::milliseconds allowed) : duration(allowed), end(Clock::now() + allowed) {}

    std::chrono::milliseconds duration;
    Clock::time_point end;
};

/// Why a wait came back.
enum class WaitResult {
    frame,     ///< the broker sent something, and it was handled
    watched,   ///< a watched descriptor is ready
    deadline,  ///< the deadline has passed
};

}  // namespace rabbit
