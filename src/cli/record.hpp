#pragma once

#include "json_reader.hpp"
#include "pieces.hpp"
#include "rabbit/message.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cli {

/// A message as one JSON object, in the shape of RabbitMQ's HTTP API
/// (https://www.rabbitmq.com/docs/http-api-reference): payload, payload_encoding, exchange, routing_key, properties.
struct Record {
    std::optional<std::string> exchange;
    std::optional<std::string> routing_key;
    rabbit::Message message;
};

/// Reads one. Any field may be missing; an unknown one is an error, since it may be a misspelt one.
/// Throws NotJson, or another std::invalid_argument, with a text that says what is wrong.
Record parse_record(JsonReader& reader, const std::string& text);

/// The same for a text behind which JsonReader::room_behind bytes can be read. Empty where parse_record() would throw. The
/// body may take the memory of `spare`.
std::optional<Record> try_parse_record(JsonReader& reader, std::string_view text, std::string spare = {});

/// Appends a delivery as one line of JSON without its newline. parse_record() gives all of it back.
void append_record(std::string& json, const rabbit::Delivery& delivery, const MakeRoom& make_room);

}  // namespace cli
