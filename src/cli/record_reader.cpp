#include "record_reader.hpp"

#include "text_encoding.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <stdexcept>
#include <utility>

namespace cli {
namespace {

using simdjson::dom::element;

void read_field(std::string_view name, const element& json, std::string& text) {
    try {
        read_text(json, text);
    } catch (const std::invalid_argument& error) {
        throw std::invalid_argument(fmt::format("{}: {}", name, error.what()));
    }
}

void decode(std::string& payload, std::string_view encoding) {
    if (encoding == "base64") {
        payload = from_base64(payload);
    } else if (encoding != "string") {
        throw std::invalid_argument(fmt::format("payload_encoding '{}' is neither string nor base64", encoding));
    }
}

}  // namespace

Record RecordReader::read(const std::string& text) {
    Record record;
    read(json_.read(text), record);
    return record;
}

std::optional<Record> RecordReader::try_read(std::string_view text, std::string spare) {
    std::optional<Record> record;
    if (const auto json = json_.try_read(text)) {
        try {
            spare.clear();
            record.emplace().message.body = std::move(spare);
            read(*json, *record);
        } catch (const std::invalid_argument&) {
            record.reset();
        }
    }
    return record;
}

void RecordReader::read(const element& json, Record& record) {
    simdjson::dom::object fields;
    if (json.get_object().get(fields) != simdjson::SUCCESS) {
        throw std::invalid_argument("it is not a JSON object");
    }
    std::string encoding = "string";
    for (const auto [name, value] : fields) {
        if (name == "payload") {
            read_field(name, value, record.message.body);
        } else if (name == "payload_encoding") {
            read_field(name, value, encoding);
        } else if (name == "exchange") {
            read_field(name, value, record.exchange.emplace());
        } else if (name == "routing_key") {
            read_field(name, value, record.routing_key.emplace());
        } else if (name == "properties") {
            record.message.properties = properties_.read(value);
        } else if (name != "redelivered" && name != "payload_bytes" && name != "message_count") {
            throw std::invalid_argument(fmt::format(
                "there is no field '{}'; known are payload, payload_encoding, exchange, routing_key, properties",
                name));
        }
    }
    decode(record.message.body, encoding);
}

}  // namespace cli
