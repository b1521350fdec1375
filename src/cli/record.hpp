#pragma once

#include "pieces.hpp"
#include "rabbit/body.hpp"
#include "rabbit/message.hpp"

#include <memory>
#include <optional>
#include <string>

namespace cli {

/// A message as one JSON object, in the shape of RabbitMQ's HTTP API
/// (https://www.rabbitmq.com/docs/http-api-reference): payload, payload_encoding, exchange, routing_key, properties.
struct Record {
    std::optional<std::string> exchange;
    std::optional<std::string> routing_key;
    rabbit::Body body;
    std::shared_ptr<const rabbit::Properties> properties;  ///< null: none
};

/// Appends a delivery as one line of JSON without its newline. RecordReader gives all of it back.
void append_record(std::string& json, const rabbit::Delivery& delivery, const MakeRoom& make_room);

}  // namespace cli
