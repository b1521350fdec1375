#include "report.hpp"

#include "repr.hpp"
#include "say.hpp"
#include "text_encoding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include <unistd.h>

namespace sending {
namespace {

constexpr std::uint64_t most_rejections_named = 20;

/// The body in full, or its first KiB and its size.
std::string shown(std::string_view body) {
    constexpr std::size_t most = 1024;
    if (body.size() <= most) {
        return cli::repr_text(body);
    }
    return fmt::format("{}... ({} bytes)", cli::repr_text(cli::cut_utf8(body, most)), body.size());
}

}  // namespace

Report::Report(ReportOptions options, cli::Output& output)
    : options_(std::move(options)),
      output_(output),
      progress_(options_.stream && options_.shows_progress && !options_.quiet && isatty(STDERR_FILENO)) {}

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
        output_.append(fmt::format(" [x] Sent {}\n", shown(settlement.body)));
    }
}

void Report::reject(const rabbit::Settlement& settlement) {
    if (rejected_ > most_rejections_named) {
        first_unnamed_ = std::min(first_unnamed_.value_or(settlement.number), settlement.number);
        return;
    }
    progress_.clear();
    const auto cause =
        settlement.outcome == rabbit::Outcome::returned
            ? fmt::format("returned: {} {}", settlement.reply_code, cli::printable(settlement.reply_text))
            : std::string("nacked: the broker did not take it");
    cli::say("{}: {} {} {} (exchange '{}', routing key '{}')\n", options_.program,
             options_.stream ? "record" : "message", record_of(settlement.number), cause,
             cli::printable(settlement.address.exchange), cli::printable(settlement.address.routing_key));
}

void Report::lost(std::string_view what) {
    progress_.clear();
    cli::say("{}: {}\n", options_.program, cli::printable(what));
}

void Report::reopened(std::string_view broker, std::size_t in_flight) {
    cli::say("{}: connected to {} again; {} messages in flight are published again and may be there twice\n",
             options_.program, broker, in_flight);
}

void Report::show_progress(std::optional<double> share) {
    if (!progress_.is_due()) {
        return;
    }
    progress_.show(fmt::format("{}: {} sent, {} {}, {:.1f} MB, {:.0f} messages/s", options_.program, published_,
                               options_.confirmed ? settled_ - rejected_ : published_,
                               options_.confirmed ? "confirmed" : "not confirmed", static_cast<double>(bytes_) / 1e6,
                               static_cast<double>(published_) / progress_.elapsed()),
                   share);
}

void Report::finish() {
    progress_.clear();
    if (rejected_ > most_rejections_named) {
        cli::say("{}: {} more were returned or nacked\n", options_.program, rejected_ - most_rejections_named);
    }
    if (!options_.stream || options_.quiet) {
        return;
    }
    const auto seconds = progress_.elapsed();
    const auto confirmed = options_.confirmed ? fmt::format("{} confirmed", settled_ - rejected_) : "none confirmed";
    cli::say("{}: {} messages, {}, {} bytes, {:.3f} s, {:.0f} messages/s\n", options_.program, published_, confirmed,
             bytes_, seconds, static_cast<double>(published_) / seconds);
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
