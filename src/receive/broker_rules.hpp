#pragma once

#include "rabbit/error.hpp"

#include <string>
#include <string_view>

namespace receiving {

// What differs between brokers, and how a queue tells its type. docs/acks.md has the measurements.

/// Whether basic.nack gives messages back without counting a failed delivery, so that only basic.reject counts. Known by
/// the name and version that the broker gives: RabbitMQ 4.3 and later.
bool nack_is_free(std::string_view server);

/// Whether streams can be read in part, by x-stream-filter: RabbitMQ 3.13 and later. Others ignore the argument.
bool has_stream_filters(std::string_view server);

/// Arguments of basic.consume that exactly one kind of queue refuses: a stream has no priorities of consumers, and only a
/// stream has offsets.
constexpr auto priority_argument = "x-priority";
constexpr auto offset_argument = "x-stream-offset";
constexpr auto filter_argument = "x-stream-filter";

/// What a quorum queue adds to messages that it delivers again: how often that has happened
/// (https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling).
constexpr std::string_view delivery_count_header = "x-delivery-count";

/// Names further queues for RabbitMQ to route a message to (https://www.rabbitmq.com/docs/sender-selected).
constexpr std::string_view carbon_copy_header = "CC";

/// The type of the queue ("classic", "quorum", "stream") that refused an argument of basic.consume. Empty: it is
/// another error.
std::string type_of_refusing_queue(const rabbit::Error& error);

}  // namespace receiving
