#include "cli/receiver.hpp"

#include "cli/command.hpp"
#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "cli/signals.hpp"
#include "rabbit/consumer.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace cli {
namespace {

using rabbit::Clock;
using rabbit::Deadline;

/// Why receiving came to its end.
enum class Ending { counted, out_of_time, drained, interrupted, command_failed };

Deadline after(Clock::time_point from, const std::optional<ReceiveOptions::Seconds>& duration) {
    return duration ? Deadline(from + std::chrono::duration_cast<Clock::duration>(*duration)) : Deadline();
}

/// One run of `receive` with an open consumer.
class Receiver {
public:
    Receiver(const std::string& program, const ReceiveOptions& options, rabbit::Connection& connection,
             rabbit::ConsumerOptions consumer_options, Clock::time_point begun)
        : program_(program),
          options_(options),
          formatter_(options.formatter()),
          acks_(options.ack_mode() == AckMode::written),
          ack_batch_(std::max<std::uint64_t>(options.prefetch_count() / 2, 1)),
          ends_at_(after(begun, options.timeout)),
          connection_(connection),
          consumer_(connection, std::move(consumer_options)),
          last_message_at_(Clock::now()) {}

    ExitCode run() {
        say(" [*] Waiting for messages. To exit press CTRL+C\n");
        const auto ending = receive_until_end();
        finish(ending);
        if (ending == Ending::interrupted && Signals::exit_code() == ExitCode::interrupted) {
            say("Interrupted\n");
        }
        output_.flush();
        connection_.close();
        return exit_code(ending);
    }

private:
    Ending receive_until_end() {
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
            output_.flush();
            throw;
        } catch (const Failure& failure) {
            throw give_up(failure);
        }
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
            acknowledge();
            if (options_.drain && queue_is_empty()) {
                return Ending::drained;
            }
            delivery = wait_for_next();
        }
        if (!delivery) {
            const auto idle_until = after(last_message_at_, options_.idle);
            return idle_until && Clock::now() >= *idle_until ? std::optional(Ending::out_of_time) : std::nullopt;
        }
        if (options_.idle) {
            last_message_at_ = Clock::now();
        }
        if (!options_.command.empty()) {
            return run_for(*delivery);
        }
        print(*delivery);
        return std::nullopt;
    }

    /// The next message; empty at a deadline, or when it is time to ask again whether the queue is empty.
    std::optional<rabbit::Delivery> wait_for_next() {
        constexpr auto recheck = std::chrono::milliseconds(100);
        auto deadline = rabbit::earlier(ends_at_, after(last_message_at_, options_.idle));
        if (options_.drain) {
            deadline = rabbit::earlier(deadline, Clock::now() + recheck);
        }
        pollfd reader{options_.command.empty() ? output_.descriptor() : -1, 0, 0};
        auto delivery = consumer_.next(deadline, {&reader, 1});
        if (reader.revents != 0) {
            throw OutputError(EPIPE);
        }
        return delivery;
    }

    void print(const rabbit::Delivery& delivery) {
        if (acks_ && received_ == 0) {
            from_stream_ = is_from_stream(delivery);
        }
        if (options_.drain && from_stream_) {
            throw Failure(ExitCode::usage, "--drain: a stream is never empty; use --idle");
        }
        formatter_.write(output_, delivery);
        ++received_;
        last_written_ = delivery.delivery_tag;
        if (acks_ && last_written_ - last_acked_ >= ack_batch_) {
            acknowledge();
        }
    }

    std::optional<Ending> run_for(const rabbit::Delivery& delivery) {
        const auto status = run_command(options_.command, delivery,
                                        [this](std::span<pollfd> descriptors) { wait_keeping_interrupt(descriptors); });
        if (status.succeeded()) {
            count_taken();
            if (acks_) {
                consumer_.ack(delivery.delivery_tag);
            }
            return std::nullopt;
        }
        const auto on_failure = options_.on_failure.value_or(OnFailure::stop);
        const bool given_back = interrupted_ || on_failure != OnFailure::reject;
        fmt::print(stderr, "{}: '{}' {}; its message {}\n", program_, options_.command.front(), status.text(),
                   !acks_ ? "is lost (--ack auto)" : given_back ? "goes back to the queue" : "was rejected");
        if (interrupted_ || on_failure == OnFailure::stop) {
            return interrupted_ ? Ending::interrupted : Ending::command_failed;
        }
        if (!given_back) {
            count_taken();
        }
        consumer_.nack(delivery.delivery_tag, given_back);
        return std::nullopt;
    }

    /// COMMAND is done with a message. At the last one wanted the consumer ends before the message is acked, or the
    /// broker would send one more in its place.
    void count_taken() {
        if (++received_ == options_.count) {
            cancel();
        }
    }

    /// Flushes the output and acks what it then holds: all but what with --count keeps the broker from sending more
    /// than is wanted.
    void acknowledge() {
        output_.flush();
        if (!acks_ || !options_.command.empty()) {
            return;
        }
        const auto most = options_.count ? *options_.count - options_.prefetch_count() : last_written_;
        ack_up_to(std::min(last_written_, most));
    }

    void ack_up_to(std::uint64_t delivery_tag) {
        if (delivery_tag > last_acked_) {
            consumer_.ack_up_to(delivery_tag);
            last_acked_ = delivery_tag;
        }
    }

    /// Nothing is ready in the queue and nothing is on its way. The broker may answer before it sends what it has
    /// taken off the queue already, but not before it has seen to what came before the question: hence two.
    bool queue_is_empty() {
        for (int i = 0; i < 2; ++i) {
            const auto queue = connection_.declare({.name = consumer_.queue(), .passive = true, .arguments = {}});
            if (queue.message_count > 0 || consumer_.has_arrived()) {
                return false;
            }
        }
        return true;
    }

    static bool is_from_stream(const rabbit::Delivery& delivery) {
        const auto& properties = delivery.message.properties;
        return properties && properties->headers &&
               std::any_of(properties->headers->begin(), properties->headers->end(),
                           [](const rabbit::Field& field) { return field.name == "x-stream-offset"; });
    }

    /// Ends the consumer. What was on its way is printed if it is off the queue, and given back if it is not.
    void finish(Ending ending) {
        cancel();
        std::uint64_t unhandled = 0;
        while (auto delivery = consumer_.next()) {
            from_stream_ |= is_from_stream(*delivery);
            if (acks_ || ending == Ending::command_failed) {
                ++unhandled;
            } else if (options_.command.empty()) {
                print(*delivery);
            } else {
                run_for(*delivery);
            }
        }
        output_.flush();
        if (!acks_ && unhandled > 0) {
            fmt::print(stderr, "{}: {} messages that were on their way are lost (--ack auto)\n", program_, unhandled);
        }
        if (!acks_) {
            return;
        }
        if (options_.command.empty()) {
            ack_up_to(last_written_);
        }
        if (!from_stream_) {  // a stream takes nothing back, and has nothing taken off it
            consumer_.give_back_all();
        }
    }

    void cancel() {
        if (!std::exchange(cancelled_, true)) {
            consumer_.cancel();
        }
    }

    /// After a failure on this side: gives back what can be given back, and says what cannot.
    Failure give_up(const Failure& failure) {
        try {
            cancel();
            while (consumer_.next(Clock::now() + std::chrono::seconds(5))) {
            }
            if (acks_ && !from_stream_) {
                consumer_.give_back_all();
            }
            connection_.close();
        } catch (const rabbit::Error&) {
            // The broker gives back by itself what a connection that ends has not acked.
        }
        if (acks_ || failure.code() == ExitCode::reader_gone) {
            return failure;
        }
        return {failure.code(), fmt::format("{}; messages that were on their way are lost, which --ack written prevents",
                                            failure.what())};
    }

    /// Waits for `descriptors`. A signal does not end it: what is being done for a message is finished first.
    void wait_keeping_interrupt(std::span<pollfd> descriptors) {
        try {
            connection_.wait({}, descriptors);
        } catch (const rabbit::Error& error) {
            if (error.kind() != rabbit::ErrorKind::interrupted) {
                throw;
            }
            interrupted_ = true;
        }
    }

    /// Until a slow reader of the output has made room: nothing more is read meanwhile, or it would pile up here.
    void wait_for_reader(int descriptor) {
        pollfd writable{descriptor, POLLOUT, 0};
        try {
            connection_.pause({}, {&writable, 1});
        } catch (const rabbit::Error& error) {
            if (error.kind() != rabbit::ErrorKind::interrupted) {
                throw;
            }
            interrupted_ = true;
        }
    }

    /// On standard output where it is the tutorials' own, else on standard error.
    void say(std::string_view line) {
        if (options_.quiet) {
            return;
        }
        if (formatter_.is_hello() && options_.command.empty()) {
            output_.write(line);
        } else {
            fmt::print(stderr, "{}", line);
        }
    }

    ExitCode exit_code(Ending ending) const {
        switch (ending) {
            case Ending::counted:
                return ExitCode::done;
            case Ending::command_failed:
                return ExitCode::failed;
            case Ending::interrupted: {
                const auto code = Signals::exit_code();
                return code == ExitCode::interrupted && options_.is_watch() ? ExitCode::done : code;
            }
            case Ending::out_of_time:
            case Ending::drained:
                break;
        }
        if (!options_.count) {
            return ExitCode::done;
        }
        if (!options_.quiet) {
            fmt::print(stderr, "{}: {} of {} messages came before {}\n", program_, received_, *options_.count,
                       ending == Ending::drained ? "the queue was empty" : "the time was up");
        }
        return received_ == 0 ? ExitCode::nothing_came : ExitCode::too_few_came;
    }

    const std::string& program_;
    const ReceiveOptions& options_;
    Formatter formatter_;
    bool acks_;
    std::uint64_t ack_batch_;  ///< messages acked together under load
    Deadline ends_at_;
    rabbit::Connection& connection_;
    Output output_{STDOUT_FILENO, [this](int descriptor) { wait_for_reader(descriptor); }};
    rabbit::Consumer consumer_;
    Clock::time_point last_message_at_;
    std::uint64_t received_ = 0;      ///< printed, or handled by COMMAND
    std::uint64_t last_written_ = 0;  ///< delivery tags
    std::uint64_t last_acked_ = 0;
    bool from_stream_ = false;
    bool interrupted_ = false;
    bool cancelled_ = false;
};

/// RabbitMQ says of a stream only that the prefetch is missing.
rabbit::Error explained(const rabbit::Error& error) {
    const bool is_stream = error.cause().find("prefetch count is not set") != std::string::npos;
    return is_stream ? rabbit::Error(error.kind(), "cannot consume",
                                     error.cause() + "; a stream must be read with --ack written", error.reply_code())
                     : error;
}

std::string declare_queue(rabbit::Connection& connection, const ReceiveOptions& options) {
    if (!options.has_own_queue()) {
        return declare(connection, options.queue).name;
    }
    auto own = options.queue.to_declare();
    own.name.clear();
    own.exclusive = true;
    return connection.declare(own).name;
}

}  // namespace

ExitCode receive(const std::string& program, const ReceiveOptions& options) {
    const auto begun = Clock::now();
    options.check();
    const Signals signals;
    auto connect_options = options.connect;
    connect_options.limit(options.timeout);
    auto connection = connect(program, connect_options, signals.descriptor());
    const auto queue = declare_queue(connection, options);
    const auto binding_arguments = options.parsed_binding_arguments();
    for (const auto& source : options.sources()) {
        connection.bind(queue, source, binding_arguments);
    }
    std::optional<Receiver> receiver;
    try {
        receiver.emplace(program, options, connection,
                         rabbit::ConsumerOptions{.queue = queue,
                                                 .consumer_tag = options.consumer_tag,
                                                 .no_ack = options.ack_mode() == AckMode::automatic,
                                                 .exclusive = options.exclusive,
                                                 .prefetch = options.prefetch_count(),
                                                 .arguments = options.consumer_arguments()},
                         begun);
    } catch (const rabbit::Error& error) {
        throw explained(error);
    }
    return receiver->run();
}

}  // namespace cli
