#include "subscription.hpp"

#include "rabbit/error.hpp"

#include <utility>

namespace receiving {
namespace {

constexpr auto offset_argument = "x-stream-offset";

/// RabbitMQ says of a stream only that the prefetch is missing.
rabbit::Error explained(const rabbit::Error& error) {
    const bool is_stream = error.cause().find("prefetch count is not set") != std::string::npos;
    return is_stream ? rabbit::Error(error.kind(), "cannot consume",
                                     error.cause() + "; a stream must be read with --ack written", error.reply_code())
                     : error;
}

}  // namespace

Subscription::Subscription(rabbit::Connection& connection, const Options& options)
    : connection_(connection), options_(options) {
    connection_.with_reconnect([this] { start(); });
}

void Subscription::start() {
    const auto queue = take_queue();
    if (!options_.drain) {
        consume(queue, options_.consumer_arguments());
        return;
    }
    // A stream is never empty: it is asked for its first message, so that it shows itself. Classic queues have no use
    // for the argument, quorum queues refuse it.
    try {
        consume(queue, {{offset_argument, {"first"}}});
    } catch (const rabbit::Error& error) {
        if (error.reply_code() != cli::precondition_failed) {
            throw;
        }
        connection_.reopen_channel();
        consume(queue, {});
    }
}

void Subscription::consume(const std::string& queue, rabbit::Table arguments) {
    try {
        consumer_.emplace(connection_, rabbit::ConsumerOptions{.queue = queue,
                                                               .consumer_tag = options_.consumer_tag,
                                                               .no_ack = options_.ack_mode() == AckMode::automatic,
                                                               .exclusive = options_.exclusive,
                                                               .prefetch = options_.prefetch_count(),
                                                               .arguments = std::move(arguments)});
    } catch (const rabbit::Error& error) {
        throw explained(error);
    }
}

void Subscription::cancel() {
    if (!std::exchange(cancelled_, true)) {
        consumer_->cancel();
    }
}

void Subscription::resume(std::optional<std::int64_t> stream_offset) {
    const auto arguments =
        stream_offset ? rabbit::Table{{offset_argument, {*stream_offset + 1}}} : options_.consumer_arguments();
    connection_.with_reconnect([&] {
        try {
            consumer_->resume(take_queue(), arguments);
            cancelled_ = false;
        } catch (const rabbit::Error& error) {
            // The broker may not have noticed yet that the connection before this one is gone.
            const bool held = error.kind() == rabbit::ErrorKind::refused && error.cause().find("exclusive") != std::string::npos;
            throw held ? rabbit::Error(rabbit::ErrorKind::lost, error.operation(), error.cause()) : error;
        }
    });
}

std::string Subscription::take_queue() {
    std::string queue;
    if (options_.has_own_queue()) {
        auto own = options_.queue.to_declare();
        own.name.clear();
        own.exclusive = true;
        queue = connection_.declare(own).name;
    } else {
        queue = cli::declare(connection_, options_.queue).name;
    }
    const auto arguments = options_.parsed_binding_arguments();
    for (const auto& source : options_.sources()) {
        connection_.bind(queue, source, arguments);
    }
    return queue;
}

/// The broker may answer before it sends what it has taken off the queue already, but not before it has seen to what
/// came before the question: hence two.
bool Subscription::is_empty() {
    for (int i = 0; i < 2; ++i) {
        const auto queue = connection_.declare({.name = consumer_->queue(), .passive = true, .arguments = {}});
        if (queue.message_count > 0 || consumer_->has_arrived()) {
            return false;
        }
    }
    return true;
}

}  // namespace receiving
