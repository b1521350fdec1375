#pragma once

#include "rabbit/table.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace rabbit {

/// The properties of the basic class (AMQP 0-9-1, section 1.8 of the generated reference). Empty: not sent.
struct Properties {
    std::optional<std::string> content_type = {};
    std::optional<std::string> content_encoding = {};
    std::optional<Table> headers = {};
    std::optional<std::uint8_t> delivery_mode = {};  ///< 1: transient, 2: persistent
    std::optional<std::uint8_t> priority = {};
    std::optional<std::string> correlation_id = {};
    std::optional<std::string> reply_to = {};
    std::optional<std::string> expiration = {};  ///< milliseconds, as decimal text
    std::optional<std::string> message_id = {};
    std::optional<Timestamp> timestamp = {};
    std::optional<std::string> type = {};
    std::optional<std::string> user_id = {};
    std::optional<std::string> app_id = {};
    std::optional<std::string> cluster_id = {};

    bool operator==(const Properties&) const = default;
};

/// A body of any bytes, and its properties. They are shared because a stream's messages carry the same ones;
/// null stands for none.
struct Message {
    std::string body = {};
    std::shared_ptr<const Properties> properties = {};
    /// Of a received message: why its properties could not be read (they are malformed, or nested deeper than this
    /// library reads); then `properties` is null. Otherwise empty.
    std::string unreadable = {};
};

/// Where a message is published to. The empty exchange is the default one: it routes to the queue that the
/// routing key names (section 3.1.3.1).
struct Address {
    std::string exchange;
    std::string routing_key;

    bool operator==(const Address&) const = default;
};

/// A message as a consumer gets it.
struct Delivery {
    std::uint64_t delivery_tag = 0;
    bool redelivered = false;
    Address address;
    Message message;
};

}  // namespace rabbit
