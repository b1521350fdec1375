#pragma once

#include "rabbit/deadline.hpp"

#include <chrono>
#include <cstddef>
#include <optional>

namespace receiving {

/// How long printed messages wait for more, to be written out together. A message that came alone does not wait. Two that
/// came together are as a rule followed by others at once, and to write each few for themselves costs more than to print
/// them.
class Gathering {
public:
    using Clock = rabbit::Clock;

    /// A message was printed.
    void add() noexcept { ++messages_; }

    /// No other is at hand: until when to wait for one. Empty: no longer.
    [[nodiscard]] rabbit::Deadline until(Clock::time_point now) {
        constexpr std::chrono::milliseconds moment{1};
        constexpr std::chrono::milliseconds longest{5};  // of all waiting
        if (messages_ < 2) {
            return {};
        }
        if (!since_) {
            since_ = now;
        }
        return now - *since_ < longest ? rabbit::Deadline(now + moment) : std::nullopt;
    }

    /// All was written out.
    void end() noexcept {
        messages_ = 0;
        since_.reset();
    }

private:
    std::size_t messages_ = 0;
    std::optional<Clock::time_point> since_;  ///< the waiting began
};

}  // namespace receiving
