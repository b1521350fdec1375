#include "closing.hpp"

#include "rabbit/error.hpp"
#include "repr.hpp"
#include "say.hpp"
#include "target.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <utility>

namespace receiving {

using rabbit::Clock;
using rabbit::Deadline;

void Closing::end(Ending ending) {
    try {
        finish(ending);
        limit_answer(ending);
        run_.connection.close();
    } catch (const rabbit::Error& error) {
        if (ending != Ending::interrupted || error.kind() != rabbit::ErrorKind::lost) {
            throw;
        }
        cli::say("{}: {}\n", run_.program, cli::printable(error.what()));
    }
}

/// The deadline that --timeout set may have passed: the broker has some time of its own to answer while it ends.
void Closing::limit_answer(Ending ending) {
    constexpr std::chrono::seconds patience{2};
    const bool hurries = ending == Ending::interrupted || ending == Ending::out_of_time;
    run_.connection.set_deadline(hurries ? Deadline(Clock::now() + patience) : Deadline());
}

void Closing::cancel() {
    run_.interruption.outlast([this] { run_.subscription.await_prefetched(run_.acks.unacked()); });
    run_.subscription.cancel();
}

void Closing::finish(Ending ending) {
    limit_answer(ending);
    cancel();
    take_the_last(ending);
    handler_.finish();
    run_.interruption.outlast([this] { run_.subscription.await_acks(); });
    run_.subscription.give_back();
    if (run_.target) {
        run_.connection.set_companion(nullptr);
        run_.target->close();
    }
}

/// What was on its way is handled if it is off the queue, and printed if it would count as a failed delivery; otherwise
/// it is given back.
void Closing::take_the_last(Ending ending) {
    std::uint64_t lost = 0;
    while (auto delivery = next_of_the_last(ending)) {
        if (run_.acks.mode() == AckMode::written && !run_.subscription.prints_the_last()) {
            continue;
        }
        if (ending == Ending::command_failed) {
            ++lost;
        } else {
            await_room();
            sieve_.hand_over(std::move(*delivery));
        }
    }
    handler_.flush();
    if (lost > 0) {
        cli::say("{}: {} messages that were on their way are lost (--ack auto)\n", run_.program, lost);
    }
}

void Closing::await_room() {
    while (!handler_.has_room()) {
        run_.interruption.outlast(
            [this] { return run_.connection.wait_without_reading(handler_.due(), handler_.watched()); });
        handler_.attend();
    }
}

std::optional<rabbit::Delivery> Closing::next_of_the_last(Ending ending) {
    try {
        limit_answer(ending);
        return run_.interruption.outlast([this] { return run_.subscription.consumer().next(); });
    } catch (const rabbit::Error&) {
        handler_.flush();
        throw;
    }
}

cli::Failure Closing::end(const cli::Failure& failure) {
    constexpr std::chrono::seconds patience{5};
    try {
        run_.connection.set_companion(nullptr);
        handler_.abandon();
        run_.connection.set_deadline(Clock::now() + patience);
        cancel();
        while (run_.subscription.consumer().next(Clock::now() + patience)) {
        }
        run_.subscription.give_back();
        run_.connection.close();
    } catch (const rabbit::Error&) {
        // The broker also gives back what a lost connection had not acked.
    }
    if (run_.acks.mode() == AckMode::written || failure.code() == cli::ExitCode::reader_gone) {
        return failure;
    }
    return {failure.code(),
            fmt::format("{}; messages that were on their way are lost, which --ack written prevents", failure.what())};
}

}  // namespace receiving
