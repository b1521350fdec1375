#include "receiver.hpp"

#include "closing.hpp"
#include "command_handler.hpp"
#include "ending.hpp"
#include "error_report.hpp"
#include "failure.hpp"
#include "lull.hpp"
#include "mover.hpp"
#include "printer.hpp"
#include "progress.hpp"
#include "rabbit/error.hpp"
#include "repr.hpp"
#include "run.hpp"
#include "say.hpp"
#include "sieve.hpp"
#include "signals.hpp"
#include "target.hpp"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include <unistd.h>

namespace receiving {
namespace {

using rabbit::Clock;

std::unique_ptr<Handler> make_handler(Run& run) {
    if (run.options.move.given()) {
        return std::make_unique<Mover>(run);
    }
    if (run.options.command.given()) {
        return std::make_unique<CommandHandler>(run);
    }
    return std::make_unique<Printer>(run);
}

/// The loop: takes messages from the subscription, has them handled, and knows when it is over.
class Receiver {
public:
    explicit Receiver(Run& run)
        : run_(run),
          options_(run.options),
          handler_(make_handler(run)),
          progress_(!options_.command.given() && !options_.verbosity.quiet && isatty(STDERR_FILENO) != 0 &&
                    (options_.move.given() || isatty(STDOUT_FILENO) == 0)),
          bound_(run.subscription.depth()) {}

    cli::ExitCode run() {
        sieve_.warn();
        handler_->announce(options_.is_watch() ? " [*] Waiting for messages. To exit press CTRL+C\n"
                                               : " [*] Waiting for messages.\n");
        if (progress_.due()) {
            expected_ = options_.count ? *options_.count : options_.drain ? run_.subscription.ready() : 0;
        }
        Ending ending{};
        try {
            ending = receive_to_end();
        } catch (const rabbit::Error& error) {
            progress_.clear();
            if (error.kind() == rabbit::ErrorKind::interrupted) {
                throw;
            }
            // Said before COMMANDs that still run are waited for.
            return cli::report_error(run_.program, error);
        }
        progress_.clear();
        if (ending == Ending::interrupted && cli::exit_code_of_signal() == cli::ExitCode::interrupted) {
            handler_->announce("Interrupted\n");
        }
        handler_->flush();
        auto tally = handler_->tally();
        tally.taken = run_.acks.taken();
        for (const auto& text : {handler_->summary(), sieve_.summary(), shortfall(ending, options_, tally)}) {
            if (!text.empty() && !options_.verbosity.quiet) {
                cli::say("{}: {}\n", run_.program, text);
            }
        }
        return exit_code(ending, options_, tally, cli::exit_code_of_signal());
    }

private:
    Ending receive_to_end() {
        try {
            const auto ending = receive_until_end();
            closing_.end(ending);
            // What was being worked on when the time was up is finished, and may have been the last one wanted.
            return ending == Ending::out_of_time && run_.acks.is_complete() ? Ending::counted : ending;
        } catch (const cli::Failure& failure) {
            progress_.clear();
            throw closing_.end(failure);
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
                    run_.interruption.set();
                    return Ending::interrupted;
                }
                if (error.kind() == rabbit::ErrorKind::lost && rabbit::passed(run_.ends_at)) {
                    return Ending::out_of_time;  // while the broker was asked; if it is lost, the closing says so
                }
                handler_->flush();
                // A deleted queue is declared again in the way that a lost connection is opened again.
                const bool was_deleted = run_.subscription.consumer().cancelled_by_broker();
                const rabbit::Error lost(was_deleted ? rabbit::ErrorKind::lost : error.kind(), "", "");
                if (!run_.connection.may_reopen(lost)) {
                    throw;
                }
                reconnect(error, was_deleted);
            }
        }
    }

    /// What was not acked comes again and counts again, unless the queue was deleted with it. A stream is read on after
    /// the last message.
    void reconnect(const rabbit::Error& why, bool queue_was_deleted) {
        auto& acks = run_.acks;
        progress_.clear();
        cli::say("{}: {}\n", run_.program, cli::printable(why.what()));
        run_.connection.reopen();
        run_.subscription.resume(acks.stream_offset());
        const bool repeats =
            acks.mode() == AckMode::written && acks.unacked() > 0 && !options_.is_stream() && !queue_was_deleted;
        acks.restarted(!queue_was_deleted);
        handler_->restarted();
        sieve_.restarted();
        bound_ = acks.dealt_with() + run_.subscription.depth();
        lull_.end();
        cli::say("{}: connected to {} again{}{}{}\n", run_.program, run_.connection.endpoint().name(),
                 options_.has_own_queue() || options_.queue.exclusive
                     ? "; messages for the queue that went with the connection are lost"
                 : options_.queue.auto_delete ? "; if the queue went with the connection, its messages are lost"
                                              : "",
                 queue_was_deleted
                     ? fmt::format("; consuming from queue '{}' again", run_.subscription.consumer().queue())
                     : "",
                 repeats ? "; messages whose acks did not arrive come again" : "");
    }

    std::optional<Ending> handle_next() {
        if (run_.interruption.pending()) {
            return Ending::interrupted;
        }
        if (run_.acks.is_complete()) {
            return Ending::counted;
        }
        if (rabbit::passed(run_.ends_at)) {
            return Ending::out_of_time;
        }
        if (!handler_->has_room() || !run_.acks.wants_more() || has_reached_bound()) {
            return wait_for_handler();
        }
        auto delivery = run_.subscription.consumer().next_buffered();
        if (!delivery) {
            handler_->rest();
            lull_.begin();
            delivery = wait_for_next();
            lull_.pause();
        }
        if (!delivery) {
            const auto ending = handler_->attend();
            return ending ? ending : pause();
        }
        lull_.end();
        bytes_ += delivery->message.body.size();
        const auto ending = sieve_.hand_over(std::move(*delivery));
        if (progress_.is_due()) {
            show_progress();
        }
        return ending;
    }

    /// Messages that are moved may come back: --drain takes no more than the queue held at first.
    [[nodiscard]] bool has_reached_bound() const {
        return options_.drain && options_.move.given() && run_.acks.dealt_with() + run_.acks.working() >= bound_;
    }

    /// No further message is taken until the handler has room, or what it works on is done.
    std::optional<Ending> wait_for_handler() {
        if (has_reached_bound() && run_.acks.working() == 0) {
            handler_->settle(AckTime::pause);
            return Ending::drained;
        }
        handler_->flush();
        lull_.end();
        const auto deadline = rabbit::earlier(run_.ends_at, handler_->due());
        if (run_.subscription.prefetch() > 0 && !options_.keeps_unmatched()) {
            run_.connection.wait(deadline, handler_->watched());
        } else {  // what comes would pile up here
            run_.connection.wait_without_reading(deadline, handler_->watched());
        }
        return handler_->attend();
    }

    void show_progress() {
        const auto taken = run_.acks.taken();
        progress_.show(
            fmt::format("{}: {} {}, {:.1f} MB, {:.0f} messages/s", run_.program, taken,
                        options_.move.given() ? "moved" : "received", static_cast<double>(bytes_) / 1e6,
                        static_cast<double>(taken) / progress_.elapsed()),
            expected_ > 0 ? std::optional(static_cast<double>(taken) / static_cast<double>(expected_)) : std::nullopt);
    }

    /// No message has come until the deadline of wait_for_next().
    std::optional<Ending> pause() {
        auto& acks = run_.acks;
        const bool works = acks.working() > 0;
        if (works) {
            lull_.stay();
        } else if (acks.kept_here() > 0 && acks.kept_here() == run_.subscription.prefetch()) {
            run_.subscription.renew();
            acks.renewed();
        }
        if ((acks.mode() == AckMode::written || options_.drain) && lull_.take()) {
            handler_->settle(AckTime::pause);
            if (options_.drain && !works && run_.subscription.is_empty()) {
                return Ending::drained;
            }
        }
        return !works && lull_.has_lasted(options_.idle) ? std::optional(Ending::out_of_time) : std::nullopt;
    }

    /// The next message; empty at a deadline, in a lull, or when the handler has something to do.
    std::optional<rabbit::Delivery> wait_for_next() {
        auto deadline = rabbit::earlier(run_.ends_at, handler_->due());
        deadline = rabbit::earlier(deadline, lull_.lasts(options_.idle));
        if (options_.drain || run_.acks.has_ready() || run_.acks.kept_here() > 0) {
            deadline = rabbit::earlier(deadline, lull_.due());
        }
        return run_.subscription.consumer().next(deadline, handler_->watched(), handler_->least());
    }

    Run& run_;
    const Options& options_;
    std::unique_ptr<Handler> handler_;
    Sieve sieve_{run_, *handler_};
    Closing closing_{run_, *handler_, sieve_};
    Lull lull_;
    cli::Progress progress_;
    std::uint64_t expected_ = 0;  ///< messages; 0: not known
    std::uint64_t bytes_ = 0;
    std::uint64_t bound_;  ///< messages that --drain moves at most
};

/// While it lives, a connection looks after the target, if there is one.
class Accompanied {
public:
    Accompanied(rabbit::Connection& connection, Target* target) : connection_(connection) {
        connection_.set_companion(target);
    }
    ~Accompanied() { connection_.set_companion(nullptr); }
    Accompanied(const Accompanied&) = delete;
    Accompanied& operator=(const Accompanied&) = delete;

private:
    rabbit::Connection& connection_;
};

}  // namespace

cli::ExitCode receive_messages(const std::string& program, const Options& options, rabbit::Connection& connection,
                               Target* target, Interruption& interruption, Clock::time_point begun) {
    const Accompanied accompanied(connection, target);
    Run run(program, options, connection, interruption, target, begun);
    return Receiver(run).run();
}

}  // namespace receiving
