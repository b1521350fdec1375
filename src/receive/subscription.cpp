#include "subscription.hpp"

#include "broker_rules.hpp"
#include "declaration.hpp"
#include "failure.hpp"
#include "queue_state.hpp"
#include "rabbit/error.hpp"
#include "stream_offset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

namespace receiving {
namespace {

/// Throws what the user is to change if `error` is that the queue has another type than the options say.
void check_type(const rabbit::Error& error, const std::string& queue, const Options& options) {
    const auto type = type_of_refusing_queue(error);
    if (type == "stream" && !options.is_stream()) {
        throw cli::Failure(
            cli::ExitCode::usage,
            fmt::format("queue '{}' is a stream: add --offset next, or another place to begin{}", queue,
                        options.drain ? ", and --idle instead of --drain, since it is never empty" : ""));
    }
    if (!type.empty() && options.is_stream()) {
        throw no_stream(queue, type);
    }
}

/// A queue gives messages to the consumers of the highest priority that have room
/// (https://www.rabbitmq.com/docs/consumer-priority).
rabbit::Table with_lowest_priority(rabbit::Table arguments) {
    for (auto& [name, value] : arguments) {
        if (name == priority_argument) {
            value = {std::numeric_limits<std::int32_t>::min()};
        }
    }
    return arguments;
}

/// The most messages that a quorum queue is asked for where giving them back counts: of those to be printed, and of
/// those to be moved.
constexpr std::uint16_t few = 16;
constexpr std::uint16_t some = 100;

}  // namespace

Subscription::Subscription(rabbit::Connection& connection, const Options& options)
    : connection_(connection), options_(options), prefetch_(options.prefetch_count()) {
    connection_.with_reconnect([this] { start(); });
}

void Subscription::start() {
    const auto queue = declare_and_bind(connection_, options_);
    learn_type(queue);
    limit_prefetch();
    consume_from(queue, [&] { consume(queue, arguments_after({})); });
}

void Subscription::learn_type(const std::string& queue) {
    const bool prints = !options_.command.given() && !options_.move.given();
    const bool gives_back =
        options_.ack_mode() == AckMode::written && prints && prefetch_ > few && !nack_is_free(connection_.server());
    const bool may_send_back = options_.command.given() && options_.drain;
    const bool matters = gives_back || may_send_back || options_.command.jobs >= few || options_.move.given() ||
                         options_.command.attempts || options_.keeps_unmatched();
    type_ = options_.is_stream() ? "stream" : options_.queue.type;
    if (type_.empty() && matters && !options_.has_own_queue()) {
        type_ = type_of_queue(connection_, queue);
    }
}

/// A quorum queue whose broker counts what is given back, and drops a message that was given back too often, is asked
/// for little more than is being printed.
void Subscription::limit_prefetch() {
    if (options_.ack_mode() != AckMode::written || options_.is_stream() || options_.has_own_queue() ||
        nack_is_free(connection_.server())) {
        return;
    }
    giving_back_counts_ = type_ == "quorum" || (type_.empty() && prefetch_ <= few);
    const bool holds_many = options_.command.given() || options_.keeps_unmatched();
    if (type_ == "quorum" && !options_.prefetch && !holds_many) {
        prefetch_ = std::min(prefetch_, options_.move.given() ? some : few);
    }
}

void Subscription::consume_from(const std::string& queue, const std::function<void()>& consume) {
    const bool matters = options_.move.given() && options_.drain;
    depth_ = matters ? ready_messages(connection_, queue) : 0;
    consume();
    if (matters && type_ == "quorum" && depth_ == 0) {  // so says one that has no leader, too
        depth_ = ready() + prefetch_;
    }
}

bool Subscription::prints_the_last() const noexcept {
    return giving_back_counts_ && !options_.command.given() && !options_.move.given() && options_.where.empty();
}

std::string_view Subscription::delivery_mark() const noexcept {
    return type_ == "quorum"   ? delivery_count_header
           : type_ == "stream" ? std::string_view(offset_argument)
                               : std::string_view();
}

void Subscription::consume(const std::string& queue, rabbit::Table arguments) {
    try {
        consumer_.emplace(connection_, rabbit::ConsumerOptions{.queue = queue,
                                                               .consumer_tag = options_.consumer_tag,
                                                               .no_ack = options_.ack_mode() == AckMode::automatic,
                                                               .exclusive = options_.exclusive,
                                                               .prefetch = prefetch_,
                                                               .arguments = std::move(arguments)});
    } catch (const rabbit::Error& error) {
        check_type(error, queue, options_);
        throw;
    }
}

/// They make a queue of another type than the options say refuse the consumer.
rabbit::Table Subscription::arguments_after(std::optional<std::int64_t> stream_offset) const {
    auto arguments = options_.parsed_consumer_arguments();
    const auto has = [&arguments](std::string_view name) {
        return std::any_of(arguments.begin(), arguments.end(), [name](const auto& each) { return each.name == name; });
    };
    if (options_.is_stream()) {
        arguments.push_back({offset_argument, stream_offset             ? rabbit::Value{*stream_offset + 1}
                                              : options_.offset.empty() ? rabbit::Value{"next"}
                                                                        : parse_offset(options_.offset)});
    } else if (!has(priority_argument)) {
        arguments.push_back({priority_argument, {std::int32_t{0}}});
    }
    return arguments;
}

void Subscription::cancel() {
    if (!std::exchange(cancelled_, true)) {
        consumer_->cancel();
    }
}

void Subscription::renew() {
    constexpr std::uint32_t most = 65535;
    prefetch_ = static_cast<std::uint16_t>(std::min(2U * prefetch_, most));
    consumer_->renew(prefetch_);
}

/// A new consumer is accepted once the queue has done all that came before. The first one lets go what was held back, the
/// second one comes after it.
void Subscription::await_acks() {
    if (type_ != "quorum" || told_singly_ < few) {
        return;
    }
    for (int i = 0; i < 2; ++i) {
        consumer_->renew(1);
    }
    consumer_->cancel();
    while (consumer_->next()) {
    }
}

void Subscription::tell(const std::vector<Verdict>& verdicts) {
    for (const auto& each : verdicts) {
        switch (each.kind) {
            case Verdict::ack: consumer_->ack(each.delivery_tag); break;
            case Verdict::ack_up_to: consumer_->ack_up_to(each.delivery_tag); break;
            case Verdict::reject: consumer_->reject(each.delivery_tag, false); break;
        }
        told_singly_ += each.kind == Verdict::ack_up_to ? 0 : 1;
    }
}

void Subscription::resume(std::optional<std::int64_t> stream_offset) {
    const bool was_deleted = consumer_->cancelled_by_broker();
    connection_.with_reconnect([&] {
        try {
            const auto queue = declare_and_bind(connection_, options_);
            consume_from(queue, [&] { consumer_->resume(queue, arguments_after(stream_offset)); });
            cancelled_ = false;
        } catch (const rabbit::Error& error) {
            check_type(error, consumer_->queue(), options_);
            // The broker may not have noticed yet that the connection before this one is gone. A queue that was deleted
            // and is not to be declared here may be made again by somebody else.
            const bool held =
                error.kind() == rabbit::ErrorKind::refused && error.cause().find("exclusive") != std::string::npos;
            const bool awaited = was_deleted && error.reply_code() == rabbit::reply_code::not_found;
            throw held || awaited ? rabbit::Error(rabbit::ErrorKind::lost, error.operation(), error.cause()) : error;
        }
    });
}

void Subscription::send_back(std::uint64_t delivery_tag) {
    consumer_->reject(delivery_tag, true);
    sent_back_ = true;
}

/// A quorum queue may say that it is empty before it has taken back what was sent back. The consumer is not renewed to wait
/// for that, since a message that crosses basic.cancel would count as another failed delivery.
void Subscription::await_what_was_sent_back() {
    if (!std::exchange(sent_back_, false) || type_ != "quorum") {
        return;
    }
    for (int i = 0; i < 2; ++i) {  // as in await_acks()
        consumer_->await_queue(with_lowest_priority(arguments_after({})));
    }
}

bool Subscription::is_empty() {
    constexpr std::chrono::seconds patience{10};
    await_what_was_sent_back();
    if (consumer_->cancelled_by_broker()) {
        return false;
    }
    const auto drained = is_drained(*consumer_);
    if (drained != Drained::doubtful) {
        doubtful_until_.reset();
        return drained == Drained::yes;
    }
    if (!doubtful_until_) {
        doubtful_until_ = rabbit::Clock::now() + patience;
    }
    return rabbit::passed(doubtful_until_);
}

std::uint32_t Subscription::ready() {
    return ready_messages(connection_, consumer_->queue());
}

void Subscription::await_prefetched(std::uint64_t unacked) {
    using rabbit::Clock;
    const auto until = Clock::now() + std::chrono::milliseconds(500);
    if (cancelled_ || options_.ack_mode() == AckMode::automatic || options_.is_stream()) {
        return;
    }
    while (unacked + consumer_->arrived() < prefetch_ && !rabbit::passed(until)) {
        if (ready() == 0 && ready() == 0) {
            return;
        }
        connection_.wait(std::min(until, Clock::now() + std::chrono::milliseconds(10)));
    }
}

bool Subscription::can_give_back_freely() const {
    return options_.ack_mode() == AckMode::written && !options_.is_stream() && nack_is_free(connection_.server());
}

void Subscription::give_back() {
    if (can_give_back_freely()) {
        consumer_->nack_all();
    }
}

void Subscription::give_back_failed(std::uint64_t delivery_tag) {
    if (can_give_back_freely()) {
        consumer_->reject(delivery_tag, true);
    }
}

}  // namespace receiving
