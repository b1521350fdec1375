#include "rabbit/consumer.hpp"

#include "channel.hpp"
#include "codec/table_codec.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rabbit {

Consumer::Consumer(Connection& connection, ConsumerOptions options)
    : connection_(connection), options_(std::move(options)) {
    check_short_string("queue name", options_.queue);
    check_short_string("consumer tag", options_.consumer_tag);
    connection_.channel().listen_to_deliveries(this);
    try {
        subscribe();
    } catch (...) {
        connection_.channel().listen_to_deliveries(nullptr);
        throw;
    }
}

void Consumer::resume(std::string queue, Table arguments) {
    options_.queue = std::move(queue);
    options_.arguments = std::move(arguments);
    if (!options_.no_ack) {
        arrived_.clear();
    }
    tag_offset_ = last_tag_;
    cancelling_ = cancelled_ = cancelled_by_broker_ = false;
    subscribe();
}

void Consumer::renew(std::uint16_t prefetch) {
    const Interrupt::Hold hold(connection_.channel().interrupt());
    cancel();
    await_cancelled();
    if (cancelled_by_broker_) {  // next() says so
        return;
    }
    options_.consumer_tag = next_tag();
    options_.prefetch = prefetch;
    cancelling_ = cancelled_ = false;
    subscribe();
}

void Consumer::await_cancelled() {
    const auto answer_due = connection_.channel().reply_deadline();
    while (!cancelled_ && !cancelled_by_broker_) {
        if (passed(answer_due)) {
            throw connection_.channel().lost("it did not answer basic.cancel");
        }
        connection_.wait(answer_due);
    }
}

void Consumer::await_queue(Table arguments) {
    if (cancelled_by_broker_) {
        return;
    }
    const Interrupt::Hold hold(connection_.channel().interrupt());
    auto second = options_;
    second.consumer_tag.clear();
    second.prefetch = 1;
    second.arguments = std::move(arguments);
    send_cancel(subscribe(second));
    await_cancelled();
    cancelled_ = false;
}

/// Tags rise: a quorum queue takes messages back consumer by consumer, in the order of their tags.
std::string Consumer::next_tag() {
    if (renewals_++ == 0) {
        first_tag_ = options_.consumer_tag;
    }
    auto tag = fmt::format("{}.{:06}", first_tag_, renewals_);
    constexpr std::size_t longest = 255;
    return tag.size() > longest ? std::string() : tag;
}

void Consumer::subscribe() {
    options_.consumer_tag = subscribe(options_);
}

/// The tag of the new consumer.
std::string Consumer::subscribe(const ConsumerOptions& options) {
    auto& channel = connection_.channel();
    const auto operation = fmt::format("cannot consume from queue '{}'", options.queue);
    if (options.prefetch > 0 && !options.no_ack) {
        amqp_basic_qos_t qos{};
        qos.prefetch_count = options.prefetch;
        channel.call<amqp_basic_qos_ok_t>(operation, qos);
    }
    const TableView arguments(options.arguments);
    amqp_basic_consume_t consume{};
    consume.queue = to_amqp(options.queue);
    consume.consumer_tag = to_amqp(options.consumer_tag);
    consume.no_ack = options.no_ack;
    consume.exclusive = options.exclusive;
    consume.arguments = arguments.get();
    channel.check_open();
    channel.append(consume);
    // Messages may be on their way already, and without acks they are lost if the consume-ok is not waited for: no
    // interrupt ends this wait, and a deadline that is near leaves it some time.
    constexpr std::chrono::seconds patience{2};
    const Interrupt::Hold hold(channel.interrupt());
    auto deadline = channel.reply_deadline();
    if (options.no_ack) {
        deadline = std::max(*deadline, Clock::now() + patience);
    }
    std::string tag;
    channel.await<amqp_basic_consume_ok_t>(operation, deadline,
                                           [&tag](const auto& ok) { tag = copy(ok.consumer_tag); });
    return tag;
}

Consumer::~Consumer() {
    connection_.channel().listen_to_deliveries(nullptr);
}

std::optional<Delivery> Consumer::next(Deadline deadline, std::span<pollfd> watched, std::size_t least) {
    const auto answer_due = cancelling_ ? connection_.channel().reply_deadline() : Deadline();
    for (bool over = false;;) {
        if (auto delivery = next_buffered()) {
            return delivery;
        }
        if (cancelled_ || over || (cancelling_ && cancelled_by_broker_)) {
            return std::nullopt;
        }
        if (cancelled_by_broker_) {
            throw Error(ErrorKind::closed, fmt::format("the broker ended the consumer of queue '{}'", options_.queue),
                        "the queue was deleted, its node went down, or a message was not acked in time");
        }
        if (passed(answer_due)) {
            throw connection_.channel().lost("it did not answer basic.cancel");
        }
        const auto wake = connection_.wait(earlier(deadline, answer_due), watched, least);
        over = wake == WaitResult::watched || passed(deadline);  // also while what comes is no message
    }
}

std::optional<Delivery> Consumer::next_buffered() {
    while (arrived_.empty()) {
        if (cancelled_ || cancelled_by_broker_ || !connection_.channel().handle_buffered()) {
            return std::nullopt;
        }
    }
    return next_arrived();
}

std::optional<Delivery> Consumer::next_arrived() {
    if (arrived_.empty()) {
        return std::nullopt;
    }
    std::optional<Delivery> delivery(std::move(arrived_.front()));
    arrived_.pop_front();
    return delivery;
}

std::optional<Queue> Consumer::look_at_queue() {
    amqp_queue_declare_t declare{};
    declare.queue = to_amqp(options_.queue);
    declare.passive = true;
    std::optional<Queue> queue;
    connection_.channel().call<amqp_queue_declare_ok_t>(
        fmt::format("cannot look at queue '{}'", options_.queue), declare,
        [&queue](const auto& ok) {
            queue = {copy(ok.queue), ok.message_count, ok.consumer_count};
        },
        [this] { return !arrived_.empty(); });
    return queue;
}

void Consumer::cancel() {
    send_cancel(options_.consumer_tag);
    cancelling_ = true;
}

void Consumer::send_cancel(const std::string& tag) {
    amqp_basic_cancel_t cancel{};
    cancel.consumer_tag = to_amqp(tag);
    connection_.channel().append(cancel);
}

void Consumer::ack_up_to(std::uint64_t delivery_tag) {
    send_ack(delivery_tag, true);
    connection_.channel().flush_now();
}

void Consumer::ack(std::uint64_t delivery_tag) {
    send_ack(delivery_tag, false);
}

void Consumer::send_ack(std::uint64_t delivery_tag, bool multiple) {
    if (delivery_tag <= tag_offset_) {
        return;
    }
    amqp_basic_ack_t ack{};
    ack.delivery_tag = delivery_tag - tag_offset_;
    ack.multiple = multiple;
    connection_.channel().append(ack);
}

void Consumer::reject(std::uint64_t delivery_tag, bool requeue) {
    if (delivery_tag <= tag_offset_) {
        return;
    }
    amqp_basic_reject_t reject{};
    reject.delivery_tag = delivery_tag - tag_offset_;
    reject.requeue = requeue;
    connection_.channel().append(reject);
}

void Consumer::nack_all() {
    connection_.channel().append_nack_all();
}

void Consumer::on_delivery(Delivery&& delivery) {
    delivery.delivery_tag += tag_offset_;
    last_tag_ = delivery.delivery_tag;
    arrived_.push_back(std::move(delivery));
}

void Consumer::on_cancel(bool by_broker) {
    (by_broker ? cancelled_by_broker_ : cancelled_) = true;
}

}  // namespace rabbit
