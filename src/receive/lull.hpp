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

    /// No message is at hand, and one is waited for from now on. The time since the last wait, which COMMAND or a slow
    /// reader of the output may have taken, does not count.
    void begin() {
        const auto now = rabbit::Clock::now();
        if (std::exchange(ended_, false)) {
            since_ = now;
            length_ = shortest;
            due_ = since_ + length_;
        } else {
            since_ += now - waited_until_;
        }
    }

    /// The wait is over: a message has come, or there is something else to do.
    void pause() { waited_until_ = rabbit::Clock::now(); }

    /// What has come is being worked on: --idle counts from now on.
    void stay() noexcept { since_ = waited_until_; }

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

    /// When no message will have come for so long, if it is waited for until then.
    [[nodiscard]] rabbit::Deadline lasts(const std::optional<cli::Seconds>& duration) const {
        return cli::after(since_, duration);
    }
    /// No message has come for so long.
    [[nodiscard]] bool has_lasted(const std::optional<cli::Seconds>& duration) const {
        const auto end = lasts(duration);
        return end && *end <= waited_until_;
    }

private:
    static constexpr std::chrono::milliseconds shortest{5};

    bool ended_ = true;
    rabbit::Clock::time_point since_;  ///< later by the time in which no message was waited for
    rabbit::Clock::time_point waited_until_;
    std::chrono::milliseconds length_ = shortest;
    rabbit::Clock::time_point due_;
};

}  // namespace receiving
