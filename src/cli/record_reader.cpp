#include "record_reader.hpp"

#include "text_encoding.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <stdexcept>

namespace cli {
namespace {

using simdjson::dom::element;

std::string_view view_field(std::string_view name, const element& json, std::string& decoded) {
    try {
        return view_text(json, decoded);
    } catch (const std::invalid_argument& error) {
        throw std::invalid_argument(fmt::format("{}: {}", name, error.what()));
    }
}

std::string read_field(std::string_view name, const element& json) {
    std::string decoded;
    return std::string(view_field(name, json, decoded));
}

}  // namespace

Record RecordReader::read(std::string_view text) {
    return record_of(json_.read(text));
}

std::optional<Record> RecordReader::try_read(std::string_view text) {
    if (const auto json = json_.try_read(text)) {
        try {
            return record_of(*json);
        } catch (const std::invalid_argument&) {
        }
    }
    return std::nullopt;
}

Record RecordReader::record_of(const element& json) {
    simdjson::dom::object fields;
    if (json.get_object().get(fields) != simdjson::SUCCESS) {
        throw std::invalid_argument("it is not a JSON object");
    }
    Record record;
    std::string decoded;
    std::string_view payload;
    std::string encoding = "string";
    for (const auto [name, value] : fields) {
        if (name == "payload") {
            payload = view_field(name, value, decoded);
        } else if (name == "payload_encoding") {
            encoding = read_field(name, value);
        } else if (name == "exchange") {
            record.exchange = read_field(name, value);
        } else if (name == "routing_key") {
            record.routing_key = read_field(name, value);
        } else if (name == "properties") {
            record.properties = properties_.read(value);
        } else if (name != "redelivered" && name != "payload_bytes" && name != "message_count") {
            throw std::invalid_argument(fmt::format(
                "there is no field '{}'; known are payload, payload_encoding, exchange, routing_key, properties",
                name));
        }
    }
    record.body = body_of(payload, encoding);
    return record;
}

rabbit::Body RecordReader::body_of(std::string_view payload, std::string_view encoding) {
    if (encoding == "base64") {
        return bodies_.take(from_base64(payload));
    }
    if (encoding != "string") {
        throw std::invalid_argument(fmt::format("payload_encoding '{}' is neither string nor base64", encoding));
    }
    return bodies_.copy(payload);
}

}  // namespace cli
