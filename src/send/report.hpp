#pragma once

#include "exit_code.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "rabbit/deadline.hpp"
#include "rabbit/publisher.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sending {

/// What `send` says about its messages.
struct ReportOptions {
    std::string program;
    bool stream = false;          ///< progress and a summary instead of a line for each message
    bool shows_progress = true;   ///< false where it would overwrite what somebody types
    bool quiet = false;           ///< only what went wrong
    bool names_confirmed = true;  ///< a line for each message that was confirmed, if it is no stream
    bool confirmed = true;        ///< publisher confirms are on
    std::uint64_t repeat = 1;     ///< messages made of each record
};

class Report {
public:
    /// `output` must outlive it.
    Report(ReportOptions options, cli::Output& output);

    /// Counts a message that was handed to the publisher.
    void published(std::size_t size);
    /// Says what became of a message: " [x] Sent" if it was confirmed, otherwise a line on standard error.
    void settled(const rabbit::Settlement& settlement);

    /// Says that the connection was lost and is being opened again.
    void lost(std::string_view what);
    /// Says that it is open again, and that the messages in flight are published again.
    void reopened(std::string_view broker, std::size_t in_flight);

    /// When the progress line is to be shown again; empty: it is not shown at all.
    [[nodiscard]] rabbit::Deadline progress_due() const { return progress_.due(); }
    /// `share` of the messages has been published, if that is known.
    void show_progress(std::optional<double> share);
    /// Removes the progress line, to make room for another line on standard error.
    void clear_progress() { progress_.clear(); }

    /// Says how many were rejected and not named, and the summary.
    void finish();
    /// Says from which record on to send again after an early end: the first that is neither confirmed nor named as
    /// rejected.
    void resume_point(std::uint64_t first_unsettled_message) const;

    [[nodiscard]] std::uint64_t published() const noexcept { return published_; }
    [[nodiscard]] std::uint64_t record_of(std::uint64_t message) const noexcept {
        return (message - 1) / options_.repeat + 1;
    }
    [[nodiscard]] cli::ExitCode exit_code() const noexcept {
        return rejected_ > 0 ? cli::ExitCode::rejected : cli::ExitCode::done;
    }

private:
    void reject(const rabbit::Settlement& settlement);

    ReportOptions options_;
    cli::Output& output_;
    cli::Progress progress_;
    std::uint64_t published_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t settled_ = 0;
    std::uint64_t rejected_ = 0;
    std::optional<std::uint64_t> first_unnamed_;  ///< the number of the first message that was rejected and not named
};

}  // namespace sending
