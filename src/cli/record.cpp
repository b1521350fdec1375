#include "record.hpp"

#include "json_writer.hpp"
#include "message_fields.hpp"
#include "text_encoding.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>
#include <variant>

namespace cli {
namespace {

using rabbit::Properties;

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
