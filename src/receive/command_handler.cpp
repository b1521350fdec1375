#include "command_handler.hpp"

#include "command.hpp"
#include "repr.hpp"
#include "say.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include <poll.h>

namespace receiving {

using rabbit::Clock;

CommandHandler::CommandHandler(const std::string& program, const Options& options, rabbit::Deadline ends_at,
                               rabbit::Connection& connection, int interrupt, Subscription& subscription, Acks& acks,
                               Interruption& interruption)
    : program_(program),
      options_(options),
      ends_at_(ends_at),
      connection_(connection),
      subscription_(subscription),
      acks_(acks),
      interruption_(interruption) {
    if (options.reply) {
        replier_.emplace(program, options, interrupt, connection, interruption);
    }
}

std::optional<Ending> CommandHandler::handle(const rabbit::Delivery& delivery) {
    const auto& command = options_.command.front();
    if (const auto& cause = delivery.message.unreadable; !cause.empty()) {
        return fail(delivery, fmt::format("a message cannot be given to '{}', since its properties cannot be read ({})",
                                          command, cli::printable(cause)));
    }
    auto status = run_command(options_.command, delivery, replier_ ? CommandOutput::captured : CommandOutput::inherited,
                              [this](std::span<pollfd> descriptors) { wait_for_command(descriptors); });
    if (!status.succeeded()) {
        return fail(delivery, fmt::format("'{}' {}", command, status.text()));
    }
    if (replier_) {
        const auto refusal = replier_->reply(delivery.message, std::move(status.output), ends_at_);
        if (!refusal.empty()) {
            return fail(delivery, fmt::format("the broker did not take the answer of '{}': {}", command,
                                              cli::printable(refusal)));
        }
    }
    pause_ = least_pause;
    take(delivery);
    if (acks_.mode() == AckMode::written) {
        subscription_.consumer().ack(delivery.delivery_tag);
    }
    return std::nullopt;
}

/// Cancels the consumer before the last message is acked: the broker would send one more in its place.
void CommandHandler::take(const rabbit::Delivery& delivery) {
    if (acks_.wants_one_more() || interruption_.pending()) {
        end_consumer();
    }
    acks_.take(delivery);
    acks_.acked(delivery.delivery_tag);
}

std::optional<Ending> CommandHandler::fail(const rabbit::Delivery& delivery, const std::string& cause) {
    const auto on_failure = options_.on_failure.value_or(OnFailure::stop);
    const bool given_back = interruption_.pending() || on_failure != OnFailure::reject;
    cli::say("{}: {}; the message {}\n", program_, cause,
             acks_.mode() == AckMode::automatic ? "is lost (--ack auto)"
             : options_.is_stream()             ? "stays in the stream"
             : given_back                       ? "goes back to the queue"
                                                : "was rejected");
    if (interruption_.pending()) {  // it may be the signal that COMMAND died of
        end_consumer();
        return Ending::interrupted;
    }
    if (on_failure == OnFailure::stop) {
        end_consumer();
        subscription_.give_back_failed(delivery.delivery_tag);
        return Ending::command_failed;
    }
    if (!given_back) {
        take(delivery);
    }
    ++(given_back ? sent_back_ : rejected_);
    subscription_.consumer().reject(delivery.delivery_tag, given_back);
    if (given_back && delivery.redelivered) {
        pause_before_next();
    }
    return std::nullopt;
}

/// While one message is not acked yet.
void CommandHandler::end_consumer() {
    interruption_.outlast([this] { subscription_.await_prefetched(1); });
    subscription_.cancel();
}

/// A message that has failed more than once will be back immediately.
void CommandHandler::pause_before_next() {
    constexpr std::chrono::milliseconds most{2000};
    const auto until = *rabbit::earlier(Clock::now() + std::exchange(pause_, std::min(2 * pause_, most)), ends_at_);
    while (!interruption_.pending() && !rabbit::passed(until)) {
        interruption_.outlast([&] { return connection_.wait(until); });
    }
}

/// Without acks nothing limits what the broker sends, and it would pile up here while COMMAND runs.
void CommandHandler::wait_for_command(std::span<pollfd> descriptors) {
    interruption_.outlast([&] {
        return acks_.mode() == AckMode::written ? connection_.wait({}, descriptors)
                                                : connection_.wait_without_reading({}, descriptors);
    });
}

void CommandHandler::finish() {
    if (replier_) {
        replier_->close();
    }
}

void CommandHandler::announce(std::string_view line) {
    if (!options_.verbosity.quiet) {
        cli::say("{}", line);
    }
}

}  // namespace receiving
