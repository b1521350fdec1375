#pragma once

#include "rabbit/table.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace cli {

/// JSON whose objects keep the order of their members, as field tables do.
using Json = nlohmann::ordered_json;

/// A field's value as JSON that value_of_json() turns back into the same value of the same AMQP type.
///
/// Plain JSON stands for the types that RabbitMQ's HTTP API reads from it: null for void, true and false, a whole
/// number for a 64-bit signed integer, any other number for a double, a string, an array, and an object for a table.
/// Every other type is an object with one member, named after the type with a '!' before it:
/// {"!timestamp": 1700000000}.
Json json_of(const rabbit::Value& value);
Json json_of(const rabbit::Table& table);

/// Bytes as a JSON string if they are UTF-8, otherwise tagged and in base64.
Json json_of_text(const std::string& text);

/// The inverse. Throws std::invalid_argument with a text that says what is wrong.
rabbit::Value value_of_json(const Json& json);
rabbit::Table table_of_json(const Json& json);
std::string text_of_json(const Json& json);

/// A value for an error message, shortened if it is long.
std::string shown(const Json& json);

bool is_utf8(std::string_view bytes);
std::string to_base64(std::string_view bytes);
/// Throws std::invalid_argument for text that is not base64 (RFC 4648, section 4).
std::string from_base64(std::string_view text);

}  // namespace cli
