#pragma once

#include "rabbit/table.hpp"

#include <string>
#include <string_view>

namespace cli {

/// Appends a field's value as JSON that value_of_json() turns back into the same value of the same AMQP type.
///
/// Plain JSON stands for the types that RabbitMQ's HTTP API reads from it: null for void, true and false, a whole
/// number for a 64-bit signed integer, any other number for a double, a string, an array, and an object for a table.
/// Every other type is an object with one member, named after the type with a '!' before it:
/// {"!timestamp": 1700000000}.
void append_json(std::string& json, const rabbit::Value& value);
void append_json(std::string& json, const rabbit::Table& table);

/// The same as a text of its own.
template <class ValueOrTable>
std::string json_of(const ValueOrTable& value) {
    std::string json;
    append_json(json, value);
    return json;
}

/// Bytes as a JSON string if they are UTF-8, otherwise tagged and in base64.
void append_json_text(std::string& json, std::string_view text);

/// UTF-8 as a JSON string.
void append_json_string(std::string& json, std::string_view text);

/// The same without the quotes around it. A text may be cut anywhere and appended in pieces.
void append_json_escaped(std::string& json, std::string_view text);

}  // namespace cli
