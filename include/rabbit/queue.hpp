#pragma once

#include "rabbit/table.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace rabbit {

/// The pseudo-queue from which a client consumes the answers to its requests, and the reply-to of these
/// (https://www.rabbitmq.com/docs/direct-reply-to).
inline constexpr std::string_view direct_reply_to = "amq.rabbitmq.reply-to";

/// Whether a queue's name is the address that a broker has made of that for one client. A passive queue.declare tells
/// whether the client is still there.
inline bool is_direct_reply(std::string_view queue) {
    return queue.starts_with("amq.rabbitmq.reply-to.");
}

/// The arguments of queue.declare (AMQP 0-9-1, section 1.7.2.1 of the generated reference).
struct QueueOptions {
    std::string name;      ///< empty: the broker makes one up
    bool passive = false;  ///< only ask whether it exists
    bool durable = false;
    bool exclusive = false;
    bool auto_delete = false;
    Table arguments = {};

    bool operator==(const QueueOptions&) const = default;
};

/// A queue as the broker described it when it was declared.
struct Queue {
    std::string name;
    std::uint32_t message_count = 0;  ///< messages ready for delivery at that moment
    std::uint32_t consumer_count = 0;
};

}  // namespace rabbit
