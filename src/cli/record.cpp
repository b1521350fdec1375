#include "record.hpp"

#include "message_fields.hpp"
#include "value_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace cli {
namespace {

using rabbit::Properties;

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

void read(const Json& json, std::optional<std::string>& text) {
    text = text_of_json(json);
    if (text->size() > 255) {
        throw std::invalid_argument(fmt::format("a text of {} bytes; AMQP allows 255 at most", text->size()));
    }
}

void read(const Json& json, std::optional<std::uint8_t>& octet) {
    if (!json.is_number_unsigned() || json.get<std::uint64_t>() > 255) {
        throw std::invalid_argument(fmt::format("{} is not a whole number from 0 to 255", shown(json)));
    }
    octet = json.get<std::uint8_t>();
}

void read(const Json& json, std::optional<rabbit::Timestamp>& timestamp) {
    if (!json.is_number_unsigned()) {
        throw std::invalid_argument(fmt::format("{} is not a whole number of seconds", shown(json)));
    }
    timestamp = rabbit::Timestamp{json.get<std::uint64_t>()};
}

void read(const Json& json, std::optional<rabbit::Table>& headers) {
    // RabbitMQ's HTTP API writes an empty array for an empty table.
    headers = json.is_array() && json.empty() ? rabbit::Table() : table_of_json(json);
}

void set_property(Properties& properties, const std::string& name, const Json& json) {
    const auto* property = find_property(name);
    if (!property) {
        throw std::invalid_argument("there is no such property");
    }
    std::visit([&](auto member) { read(json, properties.*member); }, property->member);
    if (name == "expiration" && !is_number(*properties.expiration)) {
        throw std::invalid_argument(fmt::format("'{}' is not a whole number of milliseconds", *properties.expiration));
    }
}

std::shared_ptr<const Properties> parse_properties(const Json& json) {
    // RabbitMQ's HTTP API writes an empty array for no properties.
    if (json.is_array() && json.empty()) {
        return nullptr;
    }
    if (!json.is_object()) {
        throw std::invalid_argument("properties is not an object");
    }
    auto properties = std::make_shared<Properties>();
    for (const auto& [name, value] : json.items()) {
        try {
            set_property(*properties, name, value);
        } catch (const std::invalid_argument& error) {
            throw std::invalid_argument(fmt::format("property '{}': {}", name, error.what()));
        }
    }
    return *properties == Properties() ? nullptr : properties;
}

std::string text_field(const char* name, const Json& json) {
    try {
        return text_of_json(json);
    } catch (const std::invalid_argument& error) {
        throw std::invalid_argument(fmt::format("{}: {}", name, error.what()));
    }
}

std::string parse_payload(const Json& record) {
    const auto encoding =
        record.contains("payload_encoding") ? text_field("payload_encoding", record["payload_encoding"]) : "string";
    auto payload = record.contains("payload") ? text_field("payload", record["payload"]) : "";
    if (encoding == "string") {
        return payload;
    }
    if (encoding == "base64") {
        return from_base64(payload);
    }
    throw std::invalid_argument(fmt::format("payload_encoding '{}' is neither string nor base64", encoding));
}

Json property_json(const std::string& text) {
    return json_of_text(text);
}

Json property_json(std::uint8_t octet) {
    return octet;
}

Json property_json(rabbit::Timestamp timestamp) {
    return timestamp.seconds;
}

Json property_json(const rabbit::Table& headers) {
    return json_of(headers);
}

Json json_of_properties(const Properties& properties) {
    auto json = Json::object();
    for (const auto& property : message_properties) {
        std::visit(
            [&](auto member) {
                if (const auto& value = properties.*member) {
                    json[property.name] = property_json(*value);
                }
            },
            property.member);
    }
    return json;
}

std::string_view end_of_last_line(std::string_view text) {
    constexpr std::size_t most = 24;
    text = text.substr(text.size() - std::min(text.size(), most));
    return text.substr(text.rfind('\n') + 1);
}

Record parse_fields(const Json& json) {
    if (!json.is_object()) {
        throw std::invalid_argument("it is not a JSON object");
    }
    Record record;
    for (const auto& [name, value] : json.items()) {
        if (name == "exchange") {
            record.exchange = text_field("exchange", value);
        } else if (name == "routing_key") {
            record.routing_key = text_field("routing_key", value);
        } else if (name == "properties") {
            record.message.properties = parse_properties(value);
        } else if (name != "payload" && name != "payload_encoding" && name != "redelivered" &&
                   name != "payload_bytes" && name != "message_count") {
            throw std::invalid_argument(fmt::format(
                "there is no field '{}'; known are payload, payload_encoding, exchange, routing_key, properties",
                name));
        }
    }
    record.message.body = parse_payload(json);
    return record;
}

}  // namespace

Record parse_record(std::string_view text) {
    Json json;
    try {
        json = Json::parse(text);
    } catch (const Json::parse_error& error) {
        const auto offset = std::min(error.byte, text.size());
        throw NotJson(offset, fmt::format("not JSON near '{}'", end_of_last_line(text.substr(0, offset))));
    } catch (const Json::out_of_range&) {
        throw std::invalid_argument("a number is too large");
    }
    return parse_fields(json);
}

std::string format_record(const rabbit::Delivery& delivery) {
    const auto& body = delivery.message.body;
    const auto& properties = delivery.message.properties;
    auto json = Json::object();
    const bool text = is_utf8(body);
    json["payload"] = text ? body : to_base64(body);
    json["payload_encoding"] = text ? "string" : "base64";
    json["exchange"] = json_of_text(delivery.address.exchange);
    json["routing_key"] = json_of_text(delivery.address.routing_key);
    json["redelivered"] = delivery.redelivered;
    json["properties"] = properties ? json_of_properties(*properties) : Json::object();
    return json.dump();
}

}  // namespace cli
