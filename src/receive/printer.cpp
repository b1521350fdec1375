#include "printer.hpp"

#include "failure.hpp"
#include "rabbit/error.hpp"
#include "repr.hpp"
#include "say.hpp"
#include "signals.hpp"
#include "slow_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include <poll.h>
#include <unistd.h>

namespace receiving {

using rabbit::Clock;
using rabbit::Deadline;

Printer::Printer(Run& run)
    : Handler(run),
      formatter_(run.options.formatter()),
      output_(STDOUT_FILENO, [this](int descriptor) { wait_for_reader(descriptor); }),
      reader_{output_.descriptor(), 0, 0} {}

std::optional<Ending> Printer::handle(rabbit::Delivery&& delivery) {
    if (!delivery.message.unreadable.empty()) {
        report_unreadable(delivery.message);
    }
    formatter_.write(output_, delivery);
    gathering_.add();
    run_.acks.take(delivery);
    settle(AckTime::load);
    return std::nullopt;
}

std::span<pollfd> Printer::watched() {
    reader_.revents = 0;
    return {&reader_, 1};
}

/// While printed messages wait for others, many bytes at once, but no more than have come when the next ack is due.
std::size_t Printer::least() const {
    constexpr std::uint64_t enough = std::uint64_t{64} * 1024;
    constexpr std::uint64_t smallest = 46;  // bytes of basic.deliver and a content header, with empty names and no body
    return flush_due_ ? std::min(enough, smallest * std::min(run_.acks.left_to_batch(), enough)) : 1;
}

std::optional<Ending> Printer::attend() {
    if (reader_.revents != 0) {
        throw cli::OutputError(EPIPE);
    }
    if (rabbit::passed(flush_due_)) {
        flush();
    }
    return std::nullopt;
}

void Printer::rest() {
    flush_due_ = gathering_.until(Clock::now());
    if (!flush_due_) {
        flush();
    }
}

void Printer::flush() {
    output_.flush();
    gathering_.end();
    flush_due_.reset();
}

void Printer::report_unreadable(const rabbit::Message& message) {
    const auto cause = fmt::format("a message's properties cannot be read ({})", cli::printable(message.unreadable));
    if (formatter_.needs_properties()) {
        flush();
        throw cli::Failure(cli::ExitCode::failed,
                           cause + ", and the output is to show them; --format raw, for one, is not");
    }
    cli::say("{}: {}; its body is printed\n", run_.program, cause);
}

/// On standard output where the tutorials have it, elsewhere on standard error.
void Printer::announce(std::string_view line) {
    if (run_.options.verbosity.quiet) {
        return;
    }
    if (formatter_.is_hello()) {
        output_.write(line);
    } else {
        cli::say("{}", line);
    }
}

void Printer::settle(AckTime time) {
    if (const auto due = run_.acks.due(time); !due.empty()) {
        flush();
        run_.subscription.tell(due);
    }
}

void Printer::finish() {
    flush();
    settle(AckTime::end);
}

/// When to give up on a reader that has stopped: soon, once a signal or --timeout has ended receiving.
Deadline Printer::give_up_at() const {
    return cli::with_patience(cli::first_signal() ? Deadline(Clock::now()) : run_.ends_at);
}

/// Waits until a slow reader of the output has made room. No message is read meanwhile: they would pile up here.
void Printer::wait_for_reader(int descriptor) {
    pollfd writable{descriptor, POLLOUT, 0};
    try {
        run_.interruption.outlast([&] { return run_.connection.wait_without_reading(give_up_at(), {&writable, 1}); });
    } catch (const rabbit::Error&) {
        // The next wait for a message reports that the connection is lost. Until then the reader gets whole messages.
        Deadline deadline;
        do {
            deadline = rabbit::earlier(deadline, give_up_at());
        } while (poll(&writable, 1, 100) <= 0 && !rabbit::passed(deadline));
    }
    if (writable.revents == 0) {
        throw cli::Failure(cli::ExitCode::bad_output,
                           "cannot write to standard output: its reader had stopped when receiving was to end");
    }
}

}  // namespace receiving
