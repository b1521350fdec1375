#pragma once

#include "rabbit/message.hpp"

#include <cstddef>
#include <optional>
#include <stdexcept>
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

/// Text that is not JSON; `offset` is where it stops being so.
class NotJson : public std::invalid_argument {
public:
    NotJson(std::size_t offset, const std::string& text) : std::invalid_argument(text), offset_(offset) {}

    [[nodiscard]] std::size_t offset() const noexcept { return offset_; }

private:
    std::size_t offset_;
};

/// Reads one. Any field may be missing; an unknown one is an error, since it may be a misspelt one.
/// Throws NotJson, or another std::invalid_argument, with a text that says what is wrong.
Record parse_record(std::string_view text);

/// A delivery as one line of JSON without its newline. parse_record() gives all of it back.
std::string format_record(const rabbit::Delivery& delivery);

}  // namespace cli
