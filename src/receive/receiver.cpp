#include "receiver.hpp"

#include "command.hpp"
#include "failure.hpp"
#include "output.hpp"
#include "program.hpp"
#include "repr.hpp"
#include "say.hpp"
#include "signals.hpp"
#include "subscription.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace receiving {
namespace {

using rabbit::Clock;
using rabbit::Deadline;

/// Why receiving came to its end.
enum class Ending { counted, out_of_time, drained, interrupted, command_failed };

Deadline after(Clock::time_point from, const std::optional<Options::Seconds>& duration) {
    return duration ? Deadline(from + std::chrono::duration_cast<Clock::duration>(*duration)) : Deadline();
}

cli::ExitCode code_of_signal(const Options& options) {
    const auto code = cli::exit_code_of_signal();
    return code == cli::ExitCode::interrupted && options.is_watch() ? cli::ExitCode::done : code;
}

/// One run of `receive` with an open consumer.
class Receiver {
public:
    Receiver(const std::string& program, const Options& options, rabbit::Connection& connection,
             Clock::time_point begun)
        : program_(program),
          options_(options),
          formatter_(options.formatter()),
          acks_(options.ack_mode() == AckMode::written),
          ack_batch_(std::max<std::uint64_t>(options.prefetch_count() / 2, 1)),
          ends_at_(after(begun, options.timeout)),
          connection_(connection),
          subscription_(connection, options),
          consumer_(subscription_.consumer()),
          last_message_at_(Clock::now()) {}

    cli::ExitCode run() {
        say(" [*] Waiting for messages. To exit press CTRL+C\n");
        const auto ending = receive_to_end();
        if (ending == Ending::interrupted && cli::exit_code_of_signal() == cli::ExitCode::interrupted) {
            say("Interrupted\n");
        }
        output_.flush();
        if (!lost_) {
            connection_.close();
        }
        return exit_code(ending);
    }

private:
    /// Calls `wait`. A signal does not end it: what is being done for a message is finished first.
    template <class Wait>
    auto keeping_interrupt(Wait wait) {
        for (;;) {
            try {
                return wait();
            } catch (const rabbit::Error& error) {
                if (error.kind() != rabbit::ErrorKind::interrupted) {
                    throw;
                }
                interrupted_ = true;
            }
        }
    }

    Ending receive_to_end() {
        try {
            const auto ending = receive_until_end();
            if (!lost_) {
                finish(ending);
            }
            return ending;
        } catch (const cli::Failure& failure) {
            throw give_up(failure);
        }
    }

    Ending receive_until_end() {
        for (;;) {
            try {
                if (lost_) {
                    reconnect();
                }
                const auto ending = handle_next();
                if (lost_) {
                    throw rabbit::Error(*lost_);
                }
                if (ending) {
                    return *ending;
                }
            } catch (const rabbit::Error& error) {
                if (error.kind() == rabbit::ErrorKind::interrupted) {
                    return Ending::interrupted;
                }
                lost_ = error;
                output_.flush();
                if (!connection_.may_reopen(error)) {
                    throw;
                }
            }
        }
    }

    /// What was not acked comes again, and counts again; a stream is read on from behind the last message.
    void reconnect() {
        cli::say("{}: {}\n", program_, cli::printable(lost_->what()));
        connection_.reopen();
        subscription_.resume(stream_offset_);
        lost_.reset();
        last_message_at_ = Clock::now();
        const bool forgets = acks_ && options_.command.empty() && !stream_offset_;
        received_ = forgets ? acked_ : received_;
        if (stream_offset_) {
            acked_ = received_;
        }
        cli::say("{}: connected to {} again{}{}\n", program_, connection_.endpoint().name(),
                   options_.has_own_queue() ? "; messages for the queue that went with the connection are lost" : "",
                   forgets ? "; messages whose acks did not arrive come again" : "");
    }

    std::optional<Ending> handle_next() {
        if (interrupted_) {
            return Ending::interrupted;
        }
        if (received_ == options_.count) {
            return Ending::counted;
        }
        if (ends_at_ && Clock::now() >= *ends_at_) {
            return Ending::out_of_time;
        }
        auto delivery = consumer_.next_buffered();
        if (!delivery) {
            output_.flush();
            delivery = wait_for_next();
        }
        if (!delivery) {
            if (uses_lulls() && Clock::now() >= lull_at_) {
                acknowledge();
                if (options_.drain && subscription_.is_empty()) {
                    return Ending::drained;
                }
                constexpr std::chrono::milliseconds longest{100};
                lull_ = std::min(2 * lull_, longest);
                lull_at_ = Clock::now() + lull_;
            }
            const auto idle_until = after(last_message_at_, options_.idle);
            return idle_until && Clock::now() >= *idle_until ? std::optional(Ending::out_of_time) : std::nullopt;
        }
        if (options_.drain && stream_offset_of(*delivery)) {
            throw cli::Failure(cli::ExitCode::usage, "--drain: a stream is never empty; use --idle");
        }
        if (options_.idle || uses_lulls()) {
            last_message_at_ = Clock::now();
            lull_ = least_lull;
            lull_at_ = last_message_at_ + lull_;
        }
        if (!options_.command.empty()) {
            return run_for(*delivery);
        }
        print(*delivery);
        return std::nullopt;
    }

    /// Acks of few messages, and the question whether the queue is empty, are for when no message comes: the broker has
    /// to stop for them.
    bool uses_lulls() const { return acks_ || options_.drain; }

    /// The next message; empty at a deadline or in a lull.
    std::optional<rabbit::Delivery> wait_for_next() {
        auto deadline = rabbit::earlier(ends_at_, after(last_message_at_, options_.idle));
        if (options_.drain || (acks_ && options_.command.empty() && received_ > acked_)) {
            deadline = rabbit::earlier(deadline, lull_at_);
        }
        pollfd reader{options_.command.empty() ? output_.descriptor() : -1, 0, 0};
        auto delivery = consumer_.next(deadline, {&reader, 1});
        if (reader.revents != 0) {
            throw cli::OutputError(EPIPE);
        }
        return delivery;
    }

    void print(const rabbit::Delivery& delivery) {
        formatter_.write(output_, delivery);
        count_taken(delivery);
        last_written_ = delivery.delivery_tag;
        if (acks_ && received_ - acked_ >= ack_batch_) {
            acknowledge();
        }
    }

    std::optional<Ending> run_for(const rabbit::Delivery& delivery) {
        const auto on_failure = options_.on_failure.value_or(OnFailure::stop);
        const bool from_stream = stream_offset_of(delivery).has_value();
        if (from_stream && on_failure != OnFailure::stop) {
            throw cli::Failure(cli::ExitCode::usage, "--on-failure: a stream takes nothing back and rejects nothing");
        }
        const auto status = run_command(options_.command, delivery,
                                        [this](std::span<pollfd> descriptors) { wait_for_command(descriptors); });
        if (status.succeeded()) {
            failure_pause_ = least_failure_pause;
            end_at_last_wanted();
            count_taken(delivery);
            if (acks_) {
                consumer_.ack(delivery.delivery_tag);
            }
            return std::nullopt;
        }
        const bool given_back = interrupted_ || on_failure != OnFailure::reject;
        cli::say("{}: '{}' {}; its message {}\n", program_, options_.command.front(), status.text(),
                   !acks_        ? "is lost (--ack auto)"
                   : from_stream ? "stays in the stream"
                   : given_back  ? "goes back to the queue"
                                 : "was rejected");
        if (interrupted_ || on_failure == OnFailure::stop) {
            return interrupted_ ? Ending::interrupted : Ending::command_failed;
        }
        if (!given_back) {
            end_at_last_wanted();
            count_taken(delivery);
        }
        consumer_.nack(delivery.delivery_tag, given_back);
        if (given_back && delivery.redelivered) {
            pause_before_next();
        }
        return std::nullopt;
    }

    /// What has failed again will be back at once.
    void pause_before_next() {
        constexpr std::chrono::milliseconds most{2000};
        const auto until = Clock::now() + std::exchange(failure_pause_, std::min(2 * failure_pause_, most));
        while (!interrupted_ && Clock::now() < until && !(ends_at_ && Clock::now() >= *ends_at_)) {
            keeping_interrupt([&] { return connection_.wait(rabbit::earlier(until, ends_at_)); });
        }
    }

    /// Before the last message wanted is acked: the broker would send one more in its place.
    void end_at_last_wanted() {
        if (received_ + 1 == options_.count) {
            cancel();
        }
    }

    /// Messages of a stream tell their place in it; if the first has none, no other has.
    void count_taken(const rabbit::Delivery& delivery) {
        if (received_ == 0 || stream_offset_) {
            stream_offset_ = stream_offset_of(delivery);
        }
        ++received_;
    }

    /// Flushes the output and acks what it then holds: all but what with --count keeps the broker from sending more
    /// than is wanted.
    void acknowledge() {
        output_.flush();
        if (acks_ && options_.command.empty()) {
            ack(options_.count ? *options_.count - options_.prefetch_count() : received_);
        }
    }

    /// Acks what was received and is not acked, but no more than `most` messages in all.
    void ack(std::uint64_t most) {
        const auto count = std::min(received_, most);
        if (count > acked_) {
            consumer_.ack_up_to(last_written_ - (received_ - count));
            acked_ = count;
        }
    }

    /// Ends the consumer. What was on its way is printed if it is off the queue. If it is not, the broker gives it back
    /// when the connection ends, in order also where basic.nack would send it to the back of a quorum queue
    /// (https://github.com/rabbitmq/rabbitmq-server/issues/3776).
    void finish(Ending ending) {
        cancel();
        std::uint64_t lost = 0;
        while (auto delivery = next_of_the_last()) {
            if (acks_) {
                continue;
            }
            if (ending == Ending::command_failed) {
                ++lost;
            } else if (options_.command.empty()) {
                print(*delivery);
            } else {
                run_for(*delivery);
            }
        }
        output_.flush();
        if (lost > 0) {
            cli::say("{}: {} messages that were on their way are lost (--ack auto)\n", program_, lost);
        }
        if (lost_) {
            throw rabbit::Error(*lost_);
        }
        if (acks_ && options_.command.empty()) {
            ack(received_);
        }
    }

    std::optional<rabbit::Delivery> next_of_the_last() {
        try {
            return keeping_interrupt([this] { return consumer_.next(); });
        } catch (const rabbit::Error&) {
            output_.flush();
            throw;
        }
    }

    void cancel() {
        if (!std::exchange(cancelled_, true)) {
            consumer_.cancel();
        }
    }

    /// After a failure on this side: ends in order, which gives back what was not acked, and says what is lost.
    cli::Failure give_up(const cli::Failure& failure) {
        try {
            cancel();
            while (consumer_.next(Clock::now() + std::chrono::seconds(5))) {
            }
            connection_.close();
        } catch (const rabbit::Error&) {
            // The broker gives back as well what a connection that breaks off has not acked.
        }
        if (acks_ || failure.code() == cli::ExitCode::reader_gone) {
            return failure;
        }
        return {failure.code(), fmt::format("{}; messages that were on their way are lost, which --ack written prevents",
                                            failure.what())};
    }

    /// For a COMMAND that runs. Without acks nothing but this keeps messages from piling up here meanwhile.
    void wait_for_command(std::span<pollfd> descriptors) {
        keeping_interrupt([&] { return acks_ ? connection_.wait({}, descriptors) : connection_.wait_without_reading({}, descriptors); });
    }

    /// Until a slow reader of the output has made room: nothing more is read meanwhile, or it would pile up here.
    void wait_for_reader(int descriptor) {
        constexpr auto patience = std::chrono::seconds(2);
        const auto give_up_at = ends_at_ ? Deadline(std::max(*ends_at_, Clock::now() + patience)) : Deadline();
        pollfd writable{descriptor, POLLOUT, 0};
        auto wake = rabbit::WaitResult::watched;
        try {
            wake = keeping_interrupt([&] { return connection_.wait_without_reading(give_up_at, {&writable, 1}); });
        } catch (const rabbit::Error& error) {  // it is seen to when the message is written; nobody gets half of one
            lost_ = lost_ ? lost_ : error;
            poll(&writable, 1, 100);
        }
        const bool late = ends_at_ && Clock::now() > *ends_at_ + patience;
        if (wake == rabbit::WaitResult::deadline || (lost_ && late)) {
            throw cli::Failure(cli::ExitCode::bad_output,
                          "cannot write to standard output: its reader had stopped when --timeout was up");
        }
    }

    /// On standard output where it is the tutorials' own, else on standard error.
    void say(std::string_view line) {
        if (options_.connect.quiet) {
            return;
        }
        if (formatter_.is_hello() && options_.command.empty()) {
            output_.write(line);
        } else {
            cli::say("{}", line);
        }
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
        if (!options_.connect.quiet) {
            cli::say("{}: {} of {} messages came before {}\n", program_, received_, *options_.count,
                       ending == Ending::drained ? "the queue was empty" : "the time was up");
        }
        return received_ == 0 ? cli::ExitCode::nothing_came : cli::ExitCode::too_few_came;
    }

    static constexpr std::chrono::milliseconds least_lull{5};
    static constexpr std::chrono::milliseconds least_failure_pause{20};

    const std::string& program_;
    const Options& options_;
    Formatter formatter_;
    bool acks_;
    std::uint64_t ack_batch_;  ///< messages acked together under load
    Deadline ends_at_;
    rabbit::Connection& connection_;
    cli::Output output_{STDOUT_FILENO, [this](int descriptor) { wait_for_reader(descriptor); }};
    Subscription subscription_;
    rabbit::Consumer& consumer_;
    Clock::time_point last_message_at_;
    std::chrono::milliseconds failure_pause_ = least_failure_pause;
    std::chrono::milliseconds lull_ = least_lull;
    Clock::time_point lull_at_ = Clock::now() + lull_;  ///< when no message has come for so long
    std::uint64_t received_ = 0;      ///< printed, or handled by COMMAND
    std::uint64_t acked_ = 0;         ///< of those printed
    std::uint64_t last_written_ = 0;  ///< a delivery tag
    std::optional<std::int64_t> stream_offset_;
    std::optional<rabbit::Error> lost_;  ///< why the connection is to be opened again
    bool interrupted_ = false;
    bool cancelled_ = false;
};

}  // namespace

cli::ExitCode receive(const std::string& program, const Options& options) {
    const auto begun = Clock::now();
    options.check();
    const cli::Signals signals;
    try {
        auto connection = cli::connect(program, options.connect, signals.descriptor(), options.timeout);
        return Receiver(program, options, connection, begun).run();
    } catch (const rabbit::Error& error) {  // while there was no consumer yet
        if (error.kind() != rabbit::ErrorKind::interrupted) {
            throw;
        }
        cli::report_error(program, error);
        return code_of_signal(options);
    }
}

}  // namespace receiving
