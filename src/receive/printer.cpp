#include "printer.hpp"

#include "failure.hpp"
#include "rabbit/error.hpp"
#include "repr.hpp"
#include "say.hpp"
#include "signals.hpp"
#include "slow_reader.hpp"

#include <fmt/format.h>

#include <poll.h>
#include <unistd.h>

namespace receiving {

using rabbit::Clock;
using rabbit::Deadline;

Printer::Printer(const std::string& program, const Options& options, Deadline ends_at, rabbit::Connection& connection,
                 rabbit::Consumer& consumer, Acks& acks, Interruption& interruption)
    : program_(program),
      formatter_(options.formatter()),
      ends_at_(ends_at),
      quiet_(options.verbosity.quiet),
      connection_(connection),
      consumer_(consumer),
      acks_(acks),
      interruption_(interruption),
      output_(STDOUT_FILENO, [this](int descriptor) { wait_for_reader(descriptor); }) {}

std::optional<Ending> Printer::handle(const rabbit::Delivery& delivery) {
    if (!delivery.message.unreadable.empty()) {
        report_unreadable(delivery.message);
    }
    formatter_.write(output_, delivery);
    acks_.take(delivery);
    if (const auto due = acks_.due()) {
        acknowledge(due);
    }
    return std::nullopt;
}

void Printer::report_unreadable(const rabbit::Message& message) {
    const auto cause = fmt::format("a message's properties cannot be read ({})", cli::printable(message.unreadable));
    if (formatter_.needs_properties()) {
        output_.flush();
        throw cli::Failure(cli::ExitCode::failed,
                           cause + ", and the output is to show them; --format raw, for one, is not");
    }
    cli::say("{}: {}; its body is printed\n", program_, cause);
}

/// On standard output where the tutorials have it, elsewhere on standard error.
void Printer::announce(std::string_view line) {
    if (quiet_) {
        return;
    }
    if (formatter_.is_hello()) {
        output_.write(line);
    } else {
        cli::say("{}", line);
    }
}

void Printer::settle() {
    acknowledge(acks_.due_at_pause());
}

void Printer::finish() {
    acknowledge(acks_.due_at_end());
}

void Printer::acknowledge(std::optional<std::uint64_t> delivery_tag) {
    output_.flush();
    if (delivery_tag) {
        consumer_.ack_up_to(*delivery_tag);
        acks_.acked(*delivery_tag);
    }
}

/// When to give up on a reader that has stopped: soon, once a signal or --timeout has ended receiving.
Deadline Printer::give_up_at() const {
    return cli::with_patience(cli::first_signal() ? Deadline(Clock::now()) : ends_at_);
}

/// Waits until a slow reader of the output has made room. No message is read meanwhile: they would pile up here.
void Printer::wait_for_reader(int descriptor) {
    pollfd writable{descriptor, POLLOUT, 0};
    try {
        interruption_.outlast([&] { return connection_.wait_without_reading(give_up_at(), {&writable, 1}); });
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
