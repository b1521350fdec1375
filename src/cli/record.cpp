#include "record.hpp"

#include "json_writer.hpp"
#include "message_fields.hpp"
#include "text_encoding.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <iterator>
#include <memory>
#include <stdexcept>
#include <utility>

namespace cli {
namespace {

using rabbit::Properties;
using simdjson::dom::element;

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

void read(const element& json, std::optional<std::string>& text) {
    read_text(json, text.emplace());
    if (text->size() > 255) {
        throw std::invalid_argument(fmt::format("a text of {} bytes; AMQP allows 255 at most", text->size()));
    }
}

void read(const element& json, std::optional<std::uint8_t>& octet) {
    std::uint64_t number = 0;
    if (json.get_uint64().get(number) != simdjson::SUCCESS || number > 255) {
        throw std::invalid_argument(fmt::format("{} is not a whole number from 0 to 255", shown(json)));
    }
    octet = static_cast<std::uint8_t>(number);
}

void read(const element& json, std::optional<rabbit::Timestamp>& timestamp) {
    std::uint64_t seconds = 0;
    if (json.get_uint64().get(seconds) != simdjson::SUCCESS) {
        throw std::invalid_argument(fmt::format("{} is not a whole number of seconds", shown(json)));
    }
    timestamp = rabbit::Timestamp{seconds};
}

/// RabbitMQ's HTTP API writes an empty array for an empty table, and for no properties.
bool is_empty_array(const element& json) {
    return json.is_array() && json.get_array().value().size() == 0;
}

void read(const element& json, std::optional<rabbit::Table>& headers) {
    headers = is_empty_array(json) ? rabbit::Table() : table_of_json(json);
}

void set_property(Properties& properties, std::string_view name, const element& json) {
    const auto* property = find_property(name);
    if (!property) {
        throw std::invalid_argument("there is no such property");
    }
    std::visit([&](auto member) { read(json, properties.*member); }, property->member);
    if (name == "expiration" && !is_number(*properties.expiration)) {
        throw std::invalid_argument(fmt::format("'{}' is not a whole number of milliseconds", *properties.expiration));
    }
}

std::shared_ptr<const Properties> parse_properties(const element& json) {
    if (is_empty_array(json)) {
        return nullptr;
    }
    simdjson::dom::object members;
    if (json.get_object().get(members) != simdjson::SUCCESS) {
        throw std::invalid_argument("properties is not an object");
    }
    if (members.size() == 0) {
        return nullptr;
    }
    auto properties = std::make_shared<Properties>();
    for (const auto [name, value] : members) {
        try {
            set_property(*properties, name, value);
        } catch (const std::invalid_argument& error) {
            throw std::invalid_argument(fmt::format("property '{}': {}", name, error.what()));
        }
    }
    return properties;
}

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

void read(const simdjson::dom::object& fields, Record& record) {
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
            record.message.properties = parse_properties(value);
        } else if (name != "redelivered" && name != "payload_bytes" && name != "message_count") {
            throw std::invalid_argument(fmt::format(
                "there is no field '{}'; known are payload, payload_encoding, exchange, routing_key, properties",
                name));
        }
    }
    decode(record.message.body, encoding);
}

void append(std::string& json, const std::string& text) {
    append_json_text(json, text);
}

void append(std::string& json, std::uint8_t octet) {
    fmt::format_to(std::back_inserter(json), "{}", octet);
}

void append(std::string& json, rabbit::Timestamp timestamp) {
    fmt::format_to(std::back_inserter(json), "{}", timestamp.seconds);
}

void append(std::string& json, const rabbit::Table& headers) {
    append_json(json, headers);
}

void append(std::string& json, const Properties& properties) {
    std::string_view before = "{\"";
    for (const auto& property : message_properties) {
        std::visit(
            [&](auto member) {
                if (const auto& value = properties.*member) {
                    json.append(std::exchange(before, ",\"")).append(property.name).append("\":");
                    append(json, *value);
                }
            },
            property.member);
    }
    json += before.starts_with('{') ? "{}" : "}";
}

/// Appends a body without quotes around it; false: it is not UTF-8, and has been appended as base64.
bool append_payload(std::string& json, std::string_view body, const MakeRoom& make_room) {
    const bool is_text = is_utf8(body);
    in_pieces(body, cut_anywhere, make_room, [&json, is_text](std::string_view piece) {
        if (is_text) {
            append_json_escaped(json, piece);
        } else {
            json += to_base64(piece);
        }
    });
    return is_text;
}

}  // namespace

Record parse_record(JsonReader& reader, const std::string& text) {
    simdjson::dom::object fields;
    if (reader.read(text).get_object().get(fields) != simdjson::SUCCESS) {
        throw std::invalid_argument("it is not a JSON object");
    }
    Record record;
    read(fields, record);
    return record;
}

std::optional<Record> try_parse_record(JsonReader& reader, std::string_view text, std::string spare) {
    std::optional<Record> record;
    const auto json = reader.try_read(text);
    simdjson::dom::object fields;
    if (json && json->get_object().get(fields) == simdjson::SUCCESS) {
        try {
            spare.clear();
            record.emplace().message.body = std::move(spare);
            read(fields, *record);
        } catch (const std::invalid_argument&) {
            record.reset();
        }
    }
    return record;
}

void append_record(std::string& json, const rabbit::Delivery& delivery, const MakeRoom& make_room) {
    const auto& properties = delivery.message.properties;
    json += R"({"payload":")";
    const bool is_text = append_payload(json, delivery.message.body, make_room);
    json += is_text ? R"(","payload_encoding":"string")" : R"(","payload_encoding":"base64")";
    json += R"(,"exchange":)";
    append_json_text(json, delivery.address.exchange);
    json += R"(,"routing_key":)";
    append_json_text(json, delivery.address.routing_key);
    json += delivery.redelivered ? R"(,"redelivered":true,"properties":)" : R"(,"redelivered":false,"properties":)";
    if (properties) {
        append(json, *properties);
    } else {
        json += "{}";
    }
    json += '}';
}

}  // namespace cli
