#pragma once

#include "exit_code.hpp"
#include "output.hpp"
#include "rabbit/deadline.hpp"
#include "rabbit/publisher.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace sending {

/// What `send` says of its messages.
struct ReportOptions {
    std::string program;
    bool stream = false;       ///< no line a message, but progress and a summary
    bool shows_progress = true;  ///< false where it would be written over what somebody types
    bool quiet = false;        ///< only what went wrong
    bool confirmed = true;     ///< publisher confirms are on
    std::uint64_t repeat = 1;  ///< messages made of each record
};

class Report {
public:
    /// `output` must outlive it.
    Report(ReportOptions options, cli::Output& output);

    /// Takes note of a message handed to the publisher.
    void sent(std::size_t size);
    /// Says what became of one: " [x] Sent" for a confirmed one, a line on standard error for another.
    void settled(const rabbit::Settlement& settlement);

    /// The connection is gone, and being opened again.
    void lost(std::string_view what);
    /// It is there again, and so many messages in flight are published again.
    void reopened(std::string_view broker, std::size_t in_flight);

    /// When the progress line is to be shown again; empty: it is not shown at all.
    [[nodiscard]] rabbit::Deadline progress_due() const;
    void show_progress();
    /// Makes room for a line on standard error.
    void clear_progress();

    /// The last words: how many were rejected beyond those named, and the summary.
    void finish();
    /// After a stream that ended early: from which record on to send again.
    void resume_point(std::uint64_t first_unsettled_message) const;

    [[nodiscard]] std::uint64_t record_of(std::uint64_t message) const noexcept {
        return (message - 1) / options_.repeat + 1;
    }
    [[nodiscard]] cli::ExitCode exit_code() const noexcept { return rejected_ > 0 ? cli::ExitCode::rejected : cli::ExitCode::done; }

private:
    void reject(const rabbit::Settlement& settlement);

    ReportOptions options_;
    cli::Output& output_;
    bool shows_progress_;
    bool progress_shown_ = false;
    rabbit::Clock::time_point begun_ = rabbit::Clock::now();
    rabbit::Clock::time_point progress_due_ = begun_;
    std::uint64_t sent_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t settled_ = 0;
    std::uint64_t rejected_ = 0;
};

}  // namespace sending
