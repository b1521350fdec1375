#pragma once

#include "rabbit/deadline.hpp"
#include "seconds.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace receiving {

/// The time since the last message was handled. Small acks, and the passive declare of --drain, make the broker pause its
/// deliveries: both wait for a lull, and the next one for a longer lull.
class Lull {
public:
    /// A message was handled.
    void end() noexcept { ended_ = true; }

    /// No message is at hand. The time that COMMAND or the reader of the output took does not count.
    void begin() {
        if (std::exchange(ended_, false)) {
            since_ = rabbit::Clock::now();
            length_ = shortest;
            due_ = since_ + length_;
        }
    }

    /// What has come is being worked on: --idle counts from now on.
    void stay() { since_ = rabbit::Clock::now(); }

    [[nodiscard]] rabbit::Clock::time_point due() const noexcept { return due_; }

    /// It has lasted long enough; the next one is longer.
    bool take() {
        constexpr std::chrono::milliseconds longest{100};
        const auto now = rabbit::Clock::now();
        if (now < due_) {
            return false;
        }
        length_ = std::min(2 * length_, longest);
        due_ = now + length_;
        return true;
    }

    /// When no message will have come for so long.
    [[nodiscard]] rabbit::Deadline lasts(const std::optional<cli::Seconds>& duration) const {
        return cli::after(since_, duration);
    }

private:
    static constexpr std::chrono::milliseconds shortest{5};

    bool ended_ = true;
    rabbit::Clock::time_point since_;
    std::chrono::milliseconds length_ = shortest;
    rabbit::Clock::time_point due_;
};

}  // namespace receiving
