#pragma once

#include "rabbit/deadline.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace rabbit {

/// How long to go on trying to connect, and the pauses between attempts: each twice as long as the one before, up to a
/// longest one, and of random length around that, so that the clients of a broker that went down do not come back all
/// at once.
class Retry {
public:
    /// From each begin() on for `retry_for`.
    Retry(std::chrono::milliseconds retry_for, std::chrono::milliseconds longest_pause)
        : retry_for_(retry_for), longest_pause_(longest_pause) {}

    /// A connection is wanted, by `deadline` at the latest; returns how long to wait before the first attempt. One that
    /// was lost as soon as it was open goes on where the attempts before it ended.
    std::chrono::milliseconds begin(Deadline deadline = {});

    /// The pause before the next attempt; empty: give up.
    std::optional<std::chrono::milliseconds> next_pause();

    void opened() { opened_at_ = Clock::now(); }

    /// Whether a connection that was lost is worth another attempt.
    [[nodiscard]] bool allowed() const;

private:
    [[nodiscard]] bool lost_at_once() const;

    std::chrono::milliseconds retry_for_;
    std::chrono::milliseconds longest_pause_;
    Clock::time_point give_up_at_;
    Deadline opened_at_;
    int pauses_ = 0;
};

}  // namespace rabbit
