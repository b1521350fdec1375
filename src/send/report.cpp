#include "report.hpp"

#include "repr.hpp"
#include "say.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include <unistd.h>

namespace sending {
namespace {

constexpr std::uint64_t most_rejections_named = 20;
constexpr auto progress_interval = std::chrono::milliseconds(200);

/// The body in full, or its first KiB and its size.
std::string shown(std::string_view body) {
    constexpr std::size_t most = 1024;
    if (body.size() <= most) {
        return cli::repr_text(body);
    }
    auto cut = most;
    while (cut > most - 4 && (static_cast<unsigned char>(body[cut]) & 0xC0) == 0x80) {
        --cut;  // not through a UTF-8 character
    }
    return fmt::format("{}... ({} bytes)", cli::repr_text(body.substr(0, cut)), body.size());
}

double seconds_since(rabbit::Clock::time_point begun) {
    return rabbit::in_seconds(rabbit::Clock::now() - begun);
}

}  // namespace

Report::Report(ReportOptions options, cli::Output& output)
    : options_(std::move(options)),
      output_(output),
      shows_progress_(options_.stream && options_.shows_progress && !options_.quiet && isatty(STDERR_FILENO)) {}

void Report::published(std::size_t size) {
    ++published_;
    bytes_ += size;
}

void Report::settled(const rabbit::Settlement& settlement) {
    ++settled_;
    if (settlement.outcome != rabbit::Outcome::confirmed) {
        ++rejected_;
        reject(settlement);
    } else if (options_.names_confirmed && !options_.stream && !options_.quiet) {
        output_.append(fmt::format(" [x] Sent {}\n", shown(settlement.message.body)));
    }
}

void Report::reject(const rabbit::Settlement& settlement) {
    if (rejected_ > most_rejections_named) {
        first_unnamed_ = std::min(first_unnamed_.value_or(settlement.number), settlement.number);
        return;
    }
    clear_progress();
    const auto cause =
        settlement.outcome == rabbit::Outcome::returned
            ? fmt::format("returned: {} {}", settlement.reply_code, cli::printable(settlement.reply_text))
            : std::string("nacked: the broker did not take it");
    cli::say("{}: {} {} {} (exchange '{}', routing key '{}')\n", options_.program,
             options_.stream ? "record" : "message", record_of(settlement.number), cause,
             cli::printable(settlement.address.exchange), cli::printable(settlement.address.routing_key));
}

void Report::lost(std::string_view what) {
    clear_progress();
    cli::say("{}: {}\n", options_.program, cli::printable(what));
}

void Report::reopened(std::string_view broker, std::size_t in_flight) {
    cli::say("{}: connected to {} again; {} messages in flight are published again and may be there twice\n",
             options_.program, broker, in_flight);
}

rabbit::Deadline Report::progress_due() const {
    return shows_progress_ ? rabbit::Deadline(progress_due_) : rabbit::Deadline();
}

void Report::show_progress() {
    if (!shows_progress_ || rabbit::Clock::now() < progress_due_) {
        return;
    }
    progress_due_ = rabbit::Clock::now() + progress_interval;
    progress_shown_ = true;
    cli::say("\r\033[K{}: {} sent, {} {}, {:.1f} MB, {:.0f} messages/s", options_.program, published_,
             options_.confirmed ? settled_ - rejected_ : published_, options_.confirmed ? "confirmed" : "not confirmed",
             static_cast<double>(bytes_) / 1e6,
             static_cast<double>(published_) / std::max(seconds_since(begun_), 1e-3));
    std::fflush(stderr);
}

void Report::clear_progress() {
    if (std::exchange(progress_shown_, false)) {
        cli::say("\r\033[K");
    }
}

void Report::finish() {
    clear_progress();
    if (rejected_ > most_rejections_named) {
        cli::say("{}: {} more were returned or nacked\n", options_.program, rejected_ - most_rejections_named);
    }
    if (!options_.stream || options_.quiet) {
        return;
    }
    const auto seconds = seconds_since(begun_);
    const auto confirmed = options_.confirmed ? fmt::format("{} confirmed", settled_ - rejected_) : "none confirmed";
    cli::say("{}: {} messages, {}, {} bytes, {:.3f} s, {:.0f} messages/s\n", options_.program, published_, confirmed,
             bytes_, seconds, static_cast<double>(published_) / std::max(seconds, 1e-3));
}

void Report::resume_point(std::uint64_t first_unsettled_message) const {
    const auto message = std::min(first_unsettled_message, first_unnamed_.value_or(first_unsettled_message));
    const auto copies = (message - 1) % options_.repeat;
    cli::say("{}: ended early; the first record not known to be confirmed is number {}{}{}\n", options_.program,
             record_of(message), rejected_ > 0 ? ", not counting those named above" : "",
             copies > 0 ? fmt::format(" ({} of its {} copies are sent; --repeat {} sends the rest)", copies,
                                      options_.repeat, options_.repeat - copies)
                        : "");
}

}  // namespace sending
