#include "ending.hpp"

#include <fmt/format.h>

namespace receiving {
namespace {

/// COMMAND failed for good. With --count, messages that were sent back did not count, and as many others were taken.
bool has_failures(Ending ending, const Tally& tally) {
    return tally.rejected > 0 || (tally.sent_back > 0 && ending != Ending::counted);
}

}  // namespace

cli::ExitCode exit_code_of_signal(const Options& options, cli::ExitCode signal) {
    return options.is_watch() ? cli::ExitCode::done : signal;
}

cli::ExitCode exit_code(Ending ending, const Options& options, const Tally& tally, cli::ExitCode signal) {
    if (ending == Ending::interrupted) {
        const auto code = exit_code_of_signal(options, signal);
        return tally.left > 0 && code == cli::ExitCode::done ? cli::ExitCode::rejected : code;
    }
    if (ending == Ending::command_failed || has_failures(ending, tally)) {
        return cli::ExitCode::failed;
    }
    if (tally.left > 0) {
        return cli::ExitCode::rejected;
    }
    if (ending == Ending::counted) {
        return cli::ExitCode::done;
    }
    if (options.count) {
        return tally.taken == 0 ? cli::ExitCode::nothing_came : cli::ExitCode::too_few_came;
    }
    return options.drain && ending != Ending::drained ? cli::ExitCode::timeout : cli::ExitCode::done;
}

std::string shortfall(Ending ending, const Options& options, const Tally& tally) {
    if (ending == Ending::interrupted || ending == Ending::command_failed) {
        return {};
    }
    std::string text;
    const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
    if (options.count && ending != Ending::counted) {
        add(fmt::format("{} of {} messages came before {}", tally.taken, *options.count,
                        ending == Ending::drained ? "the queue was empty" : "the time was up"));
    } else if (options.drain && ending == Ending::out_of_time) {
        add("the queue was not empty when the time was up");
    }
    if (has_failures(ending, tally)) {
        add(fmt::format("COMMAND failed: {} messages were rejected, {} were sent back", tally.rejected,
                        tally.sent_back));
    }
    return text;
}

}  // namespace receiving
