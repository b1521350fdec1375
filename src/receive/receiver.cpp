#include "receiver.hpp"

#include "acks.hpp"
#include "command_handler.hpp"
#include "connect.hpp"
#include "ending.hpp"
#include "error_report.hpp"
#include "failure.hpp"
#include "interruption.hpp"
#include "output.hpp"
#include "printer.hpp"
#include "repr.hpp"
#include "say.hpp"
#include "signals.hpp"
#include "subscription.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include <poll.h>

namespace receiving {
namespace {

using rabbit::Clock;
using rabbit::Deadline;

Deadline after(Clock::time_point from, const std::optional<cli::Seconds>& duration) {
    return duration ? Deadline(from + std::chrono::duration_cast<Clock::duration>(*duration)) : Deadline();
}

cli::ExitCode code_of_signal(const Options& options) {
    const auto code = cli::exit_code_of_signal();
    return code == cli::ExitCode::interrupted && options.is_watch() ? cli::ExitCode::done : code;
}

/// The loop: takes messages from the subscription, has them handled, and knows when it is over.
class Receiver {
public:
    Receiver(const std::string& program, const Options& options, rabbit::Connection& connection,
             Clock::time_point begun)
        : program_(program),
          options_(options),
          ends_at_(after(begun, options.timeout)),
          connection_(connection),
          subscription_(connection, options),
          acks_(options.ack_mode(), options.prefetch_count(), options.count),
          handler_(make_handler()) {}

    cli::ExitCode run() {
        handler_->announce(" [*] Waiting for messages. To exit press CTRL+C\n");
        const auto ending = receive_to_end();
        if (ending == Ending::interrupted && cli::exit_code_of_signal() == cli::ExitCode::interrupted) {
            handler_->announce("Interrupted\n");
        }
        handler_->flush();
        connection_.close();
        return exit_code(ending);
    }

private:
    std::unique_ptr<Handler> make_handler() {
        if (options_.command.empty()) {
            return std::make_unique<Printer>(options_, ends_at_, connection_, subscription_.consumer(), acks_,
                                             interruption_);
        }
        return std::make_unique<CommandHandler>(program_, options_, ends_at_, connection_, subscription_, acks_,
                                                interruption_);
    }

    Ending receive_to_end() {
        try {
            const auto ending = receive_until_end();
            finish(ending);
            return ending;
        } catch (const cli::Failure& failure) {
            throw failure_after_closing(failure);
        }
    }

    Ending receive_until_end() {
        for (;;) {
            try {
                for (;;) {
                    if (const auto ending = handle_next()) {
                        return *ending;
                    }
                }
            } catch (const rabbit::Error& error) {
                if (error.kind() == rabbit::ErrorKind::interrupted) {
                    return Ending::interrupted;
                }
                handler_->flush();
                if (!connection_.may_reopen(error)) {
                    throw;
                }
                reconnect(error);
            }
        }
    }

    /// What was not acked comes again and counts again; a stream is read on after the last message.
    void reconnect(const rabbit::Error& lost) {
        cli::say("{}: {}\n", program_, cli::printable(lost.what()));
        connection_.reopen();
        subscription_.resume(acks_.stream_offset());
        const auto before = acks_.taken();
        acks_.reconnected();
        last_message_at_ = Clock::now();
        cli::say("{}: connected to {} again{}{}\n", program_, connection_.endpoint().name(),
                 options_.has_own_queue() ? "; messages for the queue that went with the connection are lost" : "",
                 acks_.taken() < before ? "; messages whose acks did not arrive come again" : "");
    }

    std::optional<Ending> handle_next() {
        if (interruption_.pending()) {
            return Ending::interrupted;
        }
        if (acks_.is_complete()) {
            return Ending::counted;
        }
        if (rabbit::passed(ends_at_)) {
            return Ending::out_of_time;
        }
        auto delivery = subscription_.consumer().next_buffered();
        if (!delivery) {
            handler_->flush();
            delivery = wait_for_next();
        }
        if (!delivery) {
            return pause();
        }
        if (options_.drain && stream_offset_of(*delivery)) {
            throw cli::Failure(cli::ExitCode::usage, "--drain: a stream is never empty; use --idle");
        }
        if (options_.idle || uses_lulls()) {
            last_message_at_ = Clock::now();
            lull_ = least_lull;
            lull_at_ = last_message_at_ + lull_;
        }
        return handler_->handle(*delivery);
    }

    /// No message has come until the deadline of wait_for_next().
    std::optional<Ending> pause() {
        if (uses_lulls() && Clock::now() >= lull_at_) {
            handler_->settle();
            if (options_.drain && subscription_.is_empty()) {
                return Ending::drained;
            }
            constexpr std::chrono::milliseconds longest{100};
            lull_ = std::min(2 * lull_, longest);
            lull_at_ = Clock::now() + lull_;
        }
        return rabbit::passed(after(last_message_at_, options_.idle)) ? std::optional(Ending::out_of_time)
                                                                      : std::nullopt;
    }

    /// Small acks, and the passive declare of --drain, make the broker pause its deliveries; both wait for a moment
    /// without messages.
    [[nodiscard]] bool uses_lulls() const { return acks_.mode() == AckMode::written || options_.drain; }

    /// The next message; empty at a deadline or in a lull.
    std::optional<rabbit::Delivery> wait_for_next() {
        auto deadline = rabbit::earlier(ends_at_, after(last_message_at_, options_.idle));
        if (options_.drain || handler_->has_unsettled()) {
            deadline = rabbit::earlier(deadline, lull_at_);
        }
        pollfd reader{handler_->reader(), 0, 0};
        auto delivery = subscription_.consumer().next(deadline, {&reader, 1});
        if (reader.revents != 0) {
            throw cli::OutputError(EPIPE);
        }
        return delivery;
    }

    /// Ends the consumer. What was on its way is handled if it is off the queue. If it is not, the broker gives it back
    /// when the connection ends, in order also where basic.nack would send it to the back of a quorum queue
    /// (https://github.com/rabbitmq/rabbitmq-server/issues/3776).
    void finish(Ending ending) {
        subscription_.cancel();
        std::uint64_t lost = 0;
        while (const auto delivery = next_of_the_last()) {
            if (acks_.mode() == AckMode::written) {
                continue;
            }
            if (ending == Ending::command_failed) {
                ++lost;
            } else {
                handler_->handle(*delivery);
            }
        }
        handler_->flush();
        if (lost > 0) {
            cli::say("{}: {} messages that were on their way are lost (--ack auto)\n", program_, lost);
        }
        handler_->finish();
    }

    std::optional<rabbit::Delivery> next_of_the_last() {
        try {
            return interruption_.outlast([this] { return subscription_.consumer().next(); });
        } catch (const rabbit::Error&) {
            handler_->flush();
            throw;
        }
    }

    /// Ends in order after a failure on this side, which gives back what was not acked. Returns the failure with what
    /// was lost by it.
    cli::Failure failure_after_closing(const cli::Failure& failure) {
        try {
            subscription_.cancel();
            while (subscription_.consumer().next(Clock::now() + std::chrono::seconds(5))) {
            }
            connection_.close();
        } catch (const rabbit::Error&) {
            // The broker also gives back what a lost connection had not acked.
        }
        if (acks_.mode() == AckMode::written || failure.code() == cli::ExitCode::reader_gone) {
            return failure;
        }
        return {failure.code(), fmt::format("{}; messages that were on their way are lost, which --ack written prevents",
                                            failure.what())};
    }

    cli::ExitCode exit_code(Ending ending) const {
        switch (ending) {
            case Ending::counted:
                return cli::ExitCode::done;
            case Ending::command_failed:
                return cli::ExitCode::failed;
            case Ending::interrupted:
                return code_of_signal(options_);
            case Ending::out_of_time:
            case Ending::drained:
                break;
        }
        if (!options_.count) {
            return cli::ExitCode::done;
        }
        if (!options_.verbosity.quiet) {
            cli::say("{}: {} of {} messages came before {}\n", program_, acks_.taken(), *options_.count,
                     ending == Ending::drained ? "the queue was empty" : "the time was up");
        }
        return acks_.taken() == 0 ? cli::ExitCode::nothing_came : cli::ExitCode::too_few_came;
    }

    static constexpr std::chrono::milliseconds least_lull{5};

    const std::string& program_;
    const Options& options_;
    Deadline ends_at_;
    rabbit::Connection& connection_;
    Interruption interruption_;
    Subscription subscription_;
    Acks acks_;
    std::unique_ptr<Handler> handler_;
    Clock::time_point last_message_at_ = Clock::now();
    std::chrono::milliseconds lull_ = least_lull;
    Clock::time_point lull_at_ = Clock::now() + lull_;  ///< when no message has come for that long
};

}  // namespace

cli::ExitCode receive(const std::string& program, const Options& options) {
    const auto begun = Clock::now();
    options.check();
    const cli::Signals signals;
    try {
        auto connection = cli::connect(program, options.connect, options.verbosity, signals.descriptor(), options.timeout);
        return Receiver(program, options, connection, begun).run();
    } catch (const rabbit::Error& error) {  // there was no consumer yet
        if (error.kind() != rabbit::ErrorKind::interrupted) {
            throw;
        }
        cli::report_error(program, error);
        return code_of_signal(options);
    }
}

}  // namespace receiving
