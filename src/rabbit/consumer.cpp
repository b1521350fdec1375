#include "rabbit/consumer.hpp"

#include "rabbit/error.hpp"
#include "codec/table_codec.hpp"
#include "net/wire.hpp"

#include <fmt/format.h>

#include <utility>

namespace rabbit {

Consumer::Consumer(Connection& connection, ConsumerOptions options)
    : connection_(connection), options_(std::move(options)) {
    check_short_string("queue name", options_.queue);
    check_short_string("consumer tag", options_.consumer_tag);
    connection_.listener_ = this;
    try {
        subscribe();
    } catch (...) {
        connection_.listener_ = nullptr;
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

void Consumer::subscribe() {
    const auto operation = fmt::format("cannot consume from queue '{}'", options_.queue);
    if (options_.prefetch > 0 && !options_.no_ack) {
        amqp_basic_qos_t qos{};
        qos.prefetch_count = options_.prefetch;
        connection_.call(operation, AMQP_BASIC_QOS_METHOD, &qos, AMQP_BASIC_QOS_OK_METHOD);
    }
    const TableView arguments(options_.arguments);
    amqp_basic_consume_t consume{};
    consume.queue = to_amqp(options_.queue);
    consume.consumer_tag = to_amqp(options_.consumer_tag);
    consume.no_ack = options_.no_ack;
    consume.exclusive = options_.exclusive;
    consume.arguments = arguments.get();
    connection_.call(operation, AMQP_BASIC_CONSUME_METHOD, &consume, AMQP_BASIC_CONSUME_OK_METHOD,
                     [this](const void* reply) {
                         options_.consumer_tag =
                             copy(static_cast<const amqp_basic_consume_ok_t*>(reply)->consumer_tag);
                     });
}

Consumer::~Consumer() {
    connection_.listener_ = nullptr;
}

std::optional<Delivery> Consumer::next(Deadline deadline, std::span<pollfd> watched) {
    const auto answer_due = cancelling_ ? connection_.reply_deadline() : Deadline();
    for (bool over = false;;) {
        if (auto delivery = next_buffered()) {
            return delivery;
        }
        if (cancelled_ || over || (cancelling_ && cancelled_by_broker_)) {
            return std::nullopt;
        }
        if (cancelled_by_broker_) {
            throw Error(ErrorKind::closed, fmt::format("the broker ended the consumer of queue '{}'", options_.queue),
                        "the queue was deleted, or its node went down");
        }
        if (passed(answer_due)) {
            throw connection_.wire_->lost("it did not answer basic.cancel");
        }
        const auto wake = connection_.wait(earlier(deadline, answer_due), watched);
        over = wake == WaitResult::watched || passed(deadline);  // also while what comes is no message
    }
}

std::optional<Delivery> Consumer::next_buffered() {
    while (arrived_.empty()) {
        if (cancelled_ || cancelled_by_broker_ || !connection_.handle_buffered()) {
            return std::nullopt;
        }
    }
    std::optional<Delivery> delivery(std::move(arrived_.front()));
    arrived_.pop_front();
    return delivery;
}

void Consumer::cancel() {
    amqp_basic_cancel_t cancel{};
    cancel.consumer_tag = to_amqp(options_.consumer_tag);
    connection_.send_method(1, AMQP_BASIC_CANCEL_METHOD, &cancel);
    cancelling_ = true;
}

void Consumer::ack_up_to(std::uint64_t delivery_tag) {
    send_ack(delivery_tag, true);
    connection_.send_now();
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
    connection_.send_method(1, AMQP_BASIC_ACK_METHOD, &ack);
}

void Consumer::reject(std::uint64_t delivery_tag, bool requeue) {
    if (delivery_tag <= tag_offset_) {
        return;
    }
    amqp_basic_reject_t reject{};
    reject.delivery_tag = delivery_tag - tag_offset_;
    reject.requeue = requeue;
    connection_.send_method(1, AMQP_BASIC_REJECT_METHOD, &reject);
}

void Consumer::nack_all() {
    amqp_basic_nack_t nack{};
    nack.delivery_tag = 0;  // all so far (AMQP 0-9-1, section 1.8.3.13 of the generated reference)
    nack.multiple = true;
    nack.requeue = true;
    connection_.send_method(1, AMQP_BASIC_NACK_METHOD, &nack);
}

void Consumer::on_delivery(Delivery delivery) {
    delivery.delivery_tag += tag_offset_;
    last_tag_ = delivery.delivery_tag;
    arrived_.push_back(std::move(delivery));
}

void Consumer::on_cancel(bool by_broker) {
    (by_broker ? cancelled_by_broker_ : cancelled_) = true;
}

}  // namespace rabbit
