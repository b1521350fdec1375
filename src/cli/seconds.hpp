#pragma once

#include "rabbit/deadline.hpp"

#include <chrono>
#include <optional>

namespace cli {

/// A duration as options take it.
using Seconds = std::chrono::duration<double>;

/// When so long will have passed; empty: never.
inline rabbit::Deadline after(rabbit::Clock::time_point from, const std::optional<Seconds>& duration) {
    return duration ? rabbit::Deadline(from + std::chrono::duration_cast<rabbit::Clock::duration>(*duration))
                    : rabbit::Deadline();
}

/// How long it is until then, less than nothing if it has passed; empty: for ever.
inline std::optional<Seconds> until(rabbit::Deadline deadline) {
    return deadline ? std::optional<Seconds>(*deadline - rabbit::Clock::now()) : std::nullopt;
}

}  // namespace cli
