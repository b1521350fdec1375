#pragma once

#include "rabbit/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace cli {

/// A property of a message: AMQP's name for it, and the member that holds it.
struct MessageProperty {
    using Text = std::optional<std::string> rabbit::Properties::*;
    using Octet = std::optional<std::uint8_t> rabbit::Properties::*;
    using Time = std::optional<rabbit::Timestamp> rabbit::Properties::*;
    using Headers = std::optional<rabbit::Table> rabbit::Properties::*;

    std::string_view name;  ///< "content_type"
    std::variant<Text, Octet, Time, Headers> member;
};

/// Every property of AMQP's basic class, in the order of the specification. Records, options, templates and the
/// environment of COMMAND take their names from this list.
inline constexpr MessageProperty message_properties[] = {
    {"content_type", &rabbit::Properties::content_type},
    {"content_encoding", &rabbit::Properties::content_encoding},
    {"headers", &rabbit::Properties::headers},
    {"delivery_mode", &rabbit::Properties::delivery_mode},
    {"priority", &rabbit::Properties::priority},
    {"correlation_id", &rabbit::Properties::correlation_id},
    {"reply_to", &rabbit::Properties::reply_to},
    {"expiration", &rabbit::Properties::expiration},
    {"message_id", &rabbit::Properties::message_id},
    {"timestamp", &rabbit::Properties::timestamp},
    {"type", &rabbit::Properties::type},
    {"user_id", &rabbit::Properties::user_id},
    {"app_id", &rabbit::Properties::app_id},
    {"cluster_id", &rabbit::Properties::cluster_id},
};

/// The property with this name; null if there is none.
const MessageProperty* find_property(std::string_view name);

/// The property as text: numbers in decimal, a timestamp as seconds since 1970, headers as a JSON object. Empty when
/// the message does not have it.
std::optional<std::string> property_text(const MessageProperty& property, const rabbit::Properties& properties);

/// A header's value as a person would write it, without the AMQP types that JSON records keep: text and bytes as they
/// are, numbers in decimal, a timestamp as seconds since 1970, arrays and tables as JSON.
std::string value_text(const rabbit::Value& value);

/// The option that sets a property: "--content-type" for "content_type".
std::string option_name(std::string_view field);

/// The variable that holds a field of the message in COMMAND's environment: "AMQP_CONTENT_TYPE" for "content_type".
std::string environment_name(std::string_view field);

}  // namespace cli
