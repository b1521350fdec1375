#pragma once

#include "rabbit/deadline.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace cli {

/// A line on standard error that is written over and over while something runs for longer than a moment.
class Progress {
public:
    explicit Progress(bool shown) : shown_(shown) {}

    /// When the line is to be written again; empty: it is not shown at all.
    [[nodiscard]] rabbit::Deadline due() const { return shown_ ? rabbit::Deadline(due_) : rabbit::Deadline(); }
    [[nodiscard]] bool is_due() const { return shown_ && rabbit::Clock::now() >= due_; }

    /// Writes the line, with the share (0 to 1) that is done, if that is known, in percent and the time that is left.
    void show(std::string_view text, std::optional<double> share);
    /// Removes the line, to make room for another one on standard error.
    void clear();

    /// Since it began, in seconds; never 0.
    [[nodiscard]] double elapsed() const;

private:
    static constexpr std::chrono::milliseconds interval{200};

    bool shown_;
    bool is_there_ = false;
    rabbit::Clock::time_point begun_ = rabbit::Clock::now();
    rabbit::Clock::time_point due_ = begun_ + interval;
};

}  // namespace cli
