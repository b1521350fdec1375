#include "receiver.hpp"

#include "acks.hpp"
#include "command_handler.hpp"
#include "ending.hpp"
#include "error_report.hpp"
#include "failure.hpp"
#include "interruption.hpp"
#include "output.hpp"
#include "printer.hpp"
#include "progress.hpp"
#include "rabbit/error.hpp"
#include "repr.hpp"
#include "say.hpp"
#include "signals.hpp"
#include "subscription.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace receiving {
namespace {

using rabbit::Clock;
using rabbit::Deadline;

/// The loop: takes messages from the subscription, has them handled, and knows when it is over.
class Receiver {
public:
    Receiver(const std::string& program, const Options& options, rabbit::Connection& connection, int interrupt,
             Clock::time_point begun)
        : program_(program),
          options_(options),
          ends_at_(cli::after(begun, options.timeout)),
          connection_(connection),
          subscription_(connection, options),
          acks_(options.ack_mode(), subscription_.prefetch(), options.count, options.is_stream()),
          handler_(make_handler(interrupt)),
          progress_(options.command.empty() && !options.verbosity.quiet && isatty(STDERR_FILENO) != 0 &&
                    isatty(STDOUT_FILENO) == 0) {}

    cli::ExitCode run() {
        handler_->announce(options_.is_watch() ? " [*] Waiting for messages. To exit press CTRL+C\n"
                                               : " [*] Waiting for messages.\n");
        if (progress_.due()) {
            expected_ = options_.count ? *options_.count : options_.drain ? subscription_.ready() : 0;
        }
        const auto ending = receive_to_end();
        progress_.clear();
        if (ending == Ending::interrupted && cli::exit_code_of_signal() == cli::ExitCode::interrupted) {
            handler_->announce("Interrupted\n");
        }
        handler_->flush();
        const Tally tally{acks_.taken(), handler_->rejected(), handler_->sent_back()};
        if (const auto text = shortfall(ending, options_, tally); !text.empty() && !options_.verbosity.quiet) {
            cli::say("{}: {}\n", program_, text);
        }
        return exit_code(ending, options_, tally, cli::exit_code_of_signal());
    }

private:
    std::unique_ptr<Handler> make_handler(int interrupt) {
        if (options_.command.empty()) {
            return std::make_unique<Printer>(program_, options_, ends_at_, connection_, subscription_.consumer(), acks_,
                                             interruption_);
        }
        return std::make_unique<CommandHandler>(program_, options_, ends_at_, connection_, interrupt, subscription_,
                                                acks_, interruption_);
    }

    Ending receive_to_end() {
        try {
            const auto ending = receive_until_end();
            end_in_order(ending);
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
                // A deleted queue is declared again in the way that a lost connection is opened again.
                const bool was_deleted = subscription_.consumer().cancelled_by_broker();
                const rabbit::Error lost(was_deleted ? rabbit::ErrorKind::lost : error.kind(), "", "");
                if (!connection_.may_reopen(lost)) {
                    throw;
                }
                reconnect(error, was_deleted);
            }
        }
    }

    /// What was not acked comes again and counts again, unless the queue was deleted with it. A stream is read on after
    /// the last message.
    void reconnect(const rabbit::Error& why, bool queue_was_deleted) {
        progress_.clear();
        cli::say("{}: {}\n", program_, cli::printable(why.what()));
        connection_.reopen();
        subscription_.resume(acks_.stream_offset());
        const auto before = acks_.taken();
        acks_.restarted(!queue_was_deleted);
        handled_ = true;
        cli::say(
            "{}: connected to {} again{}{}{}\n", program_, connection_.endpoint().name(),
            options_.has_own_queue() || options_.queue.exclusive
                ? "; messages for the queue that went with the connection are lost"
            : options_.queue.auto_delete ? "; if the queue went with the connection, its messages are lost"
                                         : "",
            queue_was_deleted ? fmt::format("; consuming from queue '{}' again", subscription_.consumer().queue()) : "",
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
            if (std::exchange(handled_, false)) {  // the time that COMMAND or the reader took is not idle
                idle_since_ = Clock::now();
                lull_ = least_lull;
                lull_at_ = idle_since_ + lull_;
            }
            delivery = wait_for_next();
        }
        if (!delivery) {
            return pause();
        }
        handled_ = true;
        const auto ending = handler_->handle(*delivery);
        bytes_ += delivery->message.body.size();
        if (progress_.is_due()) {
            show_progress();
        }
        return ending;
    }

    void show_progress() {
        const auto taken = acks_.taken();
        progress_.show(
            fmt::format("{}: {} received, {:.1f} MB, {:.0f} messages/s", program_, taken,
                        static_cast<double>(bytes_) / 1e6, static_cast<double>(taken) / progress_.elapsed()),
            expected_ > 0 ? std::optional(static_cast<double>(taken) / static_cast<double>(expected_)) : std::nullopt);
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
        return rabbit::passed(cli::after(idle_since_, options_.idle)) ? std::optional(Ending::out_of_time)
                                                                      : std::nullopt;
    }

    /// Small acks, and the passive declare of --drain, make the broker pause its deliveries; both wait for a moment
    /// without messages.
    [[nodiscard]] bool uses_lulls() const { return acks_.mode() == AckMode::written || options_.drain; }

    /// The next message; empty at a deadline or in a lull.
    std::optional<rabbit::Delivery> wait_for_next() {
        auto deadline = rabbit::earlier(ends_at_, cli::after(idle_since_, options_.idle));
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

    /// Closes the connection after everything that was taken is acked. Whoever has interrupted it does not wait for a
    /// broker that no longer answers.
    void end_in_order(Ending ending) {
        try {
            finish(ending);
            limit_answer(ending);
            connection_.close();
        } catch (const rabbit::Error& error) {
            if (ending != Ending::interrupted || error.kind() != rabbit::ErrorKind::lost) {
                throw;
            }
            cli::say("{}: {}\n", program_, cli::printable(error.what()));
        }
    }

    /// The deadline that --timeout set may have passed: the broker has some time of its own to answer while it ends.
    void limit_answer(Ending ending) {
        constexpr std::chrono::seconds patience{2};
        const bool hurries = ending == Ending::interrupted || ending == Ending::out_of_time;
        connection_.set_deadline(hurries ? Deadline(Clock::now() + patience) : Deadline());
    }

    /// Ends the consumer. What was on its way is handled if it is off the queue, and printed if it would count as a failed
    /// delivery; otherwise it is given back.
    void finish(Ending ending) {
        limit_answer(ending);
        interruption_.outlast([this] { subscription_.await_prefetched(acks_.unacked()); });
        subscription_.cancel();
        const bool prints = options_.command.empty() && subscription_.giving_back_counts();
        std::uint64_t lost = 0;
        while (const auto delivery = next_of_the_last(ending)) {
            if (acks_.mode() == AckMode::written && !prints) {
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
        subscription_.give_back();
    }

    std::optional<rabbit::Delivery> next_of_the_last(Ending ending) {
        try {
            limit_answer(ending);
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
            connection_.set_deadline(Clock::now() + std::chrono::seconds(5));
            interruption_.outlast([this] { subscription_.await_prefetched(acks_.unacked()); });
            subscription_.cancel();
            while (subscription_.consumer().next(Clock::now() + std::chrono::seconds(5))) {
            }
            subscription_.give_back();
            connection_.close();
        } catch (const rabbit::Error&) {
            // The broker also gives back what a lost connection had not acked.
        }
        if (acks_.mode() == AckMode::written || failure.code() == cli::ExitCode::reader_gone) {
            return failure;
        }
        return {
            failure.code(),
            fmt::format("{}; messages that were on their way are lost, which --ack written prevents", failure.what())};
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
    cli::Progress progress_;
    std::uint64_t expected_ = 0;  ///< messages; 0: not known
    std::uint64_t bytes_ = 0;
    bool handled_ = true;  ///< a message, since idle_since_
    Clock::time_point idle_since_;
    std::chrono::milliseconds lull_ = least_lull;
    Clock::time_point lull_at_;  ///< when no message has come for that long
};

}  // namespace

cli::ExitCode receive_messages(const std::string& program, const Options& options, rabbit::Connection& connection,
                               int interrupt, Clock::time_point begun) {
    return Receiver(program, options, connection, interrupt, begun).run();
}

}  // namespace receiving
