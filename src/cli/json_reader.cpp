#include "json_reader.hpp"

#include "text_encoding.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

namespace cli {
namespace {

using rabbit::Array;
using rabbit::Bytes;
using rabbit::Decimal;
using rabbit::Table;
using rabbit::Timestamp;
using rabbit::Value;
using simdjson::dom::element;
using simdjson::dom::element_type;

/// Of arrays and objects: more than any header may have, so that it is the header's own limit that is named.
constexpr std::size_t deepest = 10'001;

[[noreturn]] void cannot_convert(const std::string& text) {
    throw std::invalid_argument(text);
}

std::string_view end_of_last_line(std::string_view text) {
    constexpr std::size_t most = 24;
    text = text.substr(text.size() - std::min(text.size(), most));
    return text.substr(text.rfind('\n') + 1);
}

/// Says what is wrong with a text that simdjson refuses. It does not say where, so nlohmann-json has to find the place.
[[noreturn]] void explain(std::string_view text, simdjson::error_code error) {
    if (error == simdjson::MEMALLOC) {
        throw std::bad_alloc();
    }
    if (error == simdjson::DEPTH_ERROR) {
        cannot_convert(fmt::format("it is nested more than {} deep", rabbit::deepest_nesting()));
    }
    try {
        const auto json = nlohmann::json::parse(text);
    } catch (const nlohmann::json::parse_error& place) {
        const auto offset = std::min(place.byte, text.size());
        const auto near = end_of_last_line(text.substr(0, offset));
        throw NotJson(offset, fmt::format("not JSON near '{}'", near));
    } catch (const nlohmann::json::out_of_range&) {
        // As below.
    }
    cannot_convert("a number is too large");
}

/// The only member of an object, if its name is that of a type.
struct Tag {
    std::string_view name;
    element value;
};

std::optional<Tag> tag_of(const element& json) {
    simdjson::dom::object object;
    if (json.get_object().get(object) == simdjson::SUCCESS && object.size() == 1) {
        const auto [name, value] = *object.begin();
        if (name.starts_with('!')) {
            return Tag{name, value};
        }
    }
    return std::nullopt;
}

template <class Integer>
Integer integer_of(const element& json) {
    std::int64_t number = 0;
    std::uint64_t large = 0;
    if (json.get_int64().get(number) == simdjson::SUCCESS) {
        if (std::in_range<Integer>(number)) {
            return static_cast<Integer>(number);
        }
    } else if (json.type() == element_type::UINT64 && json.get_uint64().get(large) == simdjson::SUCCESS &&
               std::in_range<Integer>(large)) {
        return static_cast<Integer>(large);
    }
    cannot_convert(fmt::format("{} is not a whole number from {} to {}", shown(json),
                               std::numeric_limits<Integer>::min(), std::numeric_limits<Integer>::max()));
}

double double_of(const element& json) {
    if (json.is_number()) {
        return json.get_double();
    }
    const std::string_view text = json.is_string() ? json.get_string().value() : "";
    for (const double special : {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                                 std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::quiet_NaN()}) {
        if (text == fmt::format("{}", special)) {
            return special;
        }
    }
    cannot_convert(fmt::format("{} is not a number", shown(json)));
}

std::string_view string_of(const element& json) {
    std::string_view text;
    if (json.get_string().get(text) != simdjson::SUCCESS) {
        cannot_convert(fmt::format("{} is not a string", shown(json)));
    }
    return text;
}

/// `levels`: how deep it may be nested.
Value value_at(const element& json, int levels);

Table table_at(const simdjson::dom::object& object, int levels) {
    Table table;
    table.reserve(object.size());
    for (const auto [name, json] : object) {
        const auto same =
            std::find_if(table.begin(), table.end(), [name = name](const auto& each) { return each.name == name; });
        auto& field = same == table.end() ? table.emplace_back() : *same;
        field.name = name;
        field.value = value_at(json, levels - 1);
    }
    return table;
}

/// [["name", value], ...]
Table table_of_pairs(const element& json, int levels) {
    constexpr auto wanted = "!table takes an array of [name, value] pairs";
    simdjson::dom::array pairs;
    if (json.get_array().get(pairs) != simdjson::SUCCESS) {
        cannot_convert(wanted);
    }
    Table table;
    for (const auto pair : pairs) {
        simdjson::dom::array both;
        if (pair.get_array().get(both) != simdjson::SUCCESS || both.size() != 2) {
            cannot_convert(wanted);
        }
        table.push_back({text_of_json(both.at(0).value()), value_at(both.at(1).value(), levels - 1)});
    }
    return table;
}

Decimal decimal_of(const element& json) {
    simdjson::dom::object object;
    element scale;
    element value;
    if (json.get_object().get(object) != simdjson::SUCCESS || object.size() != 2 ||
        object["scale"].get(scale) != simdjson::SUCCESS || object["value"].get(value) != simdjson::SUCCESS) {
        cannot_convert("!decimal takes an object with scale and value");
    }
    return {integer_of<std::uint8_t>(scale), integer_of<std::uint32_t>(value)};
}

Value value_of_tag(const Tag& given, int levels) {
    const auto& [tag, json] = given;
    if (tag == "!int8")
        return {integer_of<std::int8_t>(json)};
    if (tag == "!uint8")
        return {integer_of<std::uint8_t>(json)};
    if (tag == "!int16")
        return {integer_of<std::int16_t>(json)};
    if (tag == "!uint16")
        return {integer_of<std::uint16_t>(json)};
    if (tag == "!int32")
        return {integer_of<std::int32_t>(json)};
    if (tag == "!uint32")
        return {integer_of<std::uint32_t>(json)};
    if (tag == "!uint64")
        return {integer_of<std::uint64_t>(json)};
    if (tag == "!float")
        return {static_cast<float>(double_of(json))};
    if (tag == "!double")
        return {double_of(json)};
    if (tag == "!decimal")
        return {decimal_of(json)};
    if (tag == "!timestamp")
        return {Timestamp{integer_of<std::uint64_t>(json)}};
    if (tag == "!string")
        return {from_base64(string_of(json))};
    if (tag == "!bytes")
        return {Bytes{from_base64(string_of(json))}};
    if (tag == "!table")
        return {table_of_pairs(json, levels)};
    cannot_convert(fmt::format("there is no type '{}'", tag));
}

Value value_at(const element& json, int levels) {
    if (levels < 0) {
        cannot_convert(fmt::format("it is nested more than {} deep", rabbit::deepest_nesting()));
    }
    switch (json.type()) {
        case element_type::NULL_VALUE: return {std::monostate()};
        case element_type::BOOL: return {json.get_bool().value()};
        case element_type::INT64:
        case element_type::UINT64: return {integer_of<std::int64_t>(json)};
        case element_type::DOUBLE: return {json.get_double().value()};
        case element_type::STRING: return {std::string(json.get_string().value())};
        case element_type::ARRAY: {
            const simdjson::dom::array values = json.get_array();
            Array array;
            array.reserve(values.size());
            for (const auto each : values) {
                array.push_back(value_at(each, levels - 1));
            }
            return {std::move(array)};
        }
        case element_type::OBJECT:
            if (const auto tag = tag_of(json)) {
                return value_of_tag(*tag, levels);
            }
            return {table_at(json.get_object().value(), levels)};
        default: cannot_convert("no such JSON value");
    }
}

}  // namespace

static_assert(JsonReader::room_behind >= simdjson::SIMDJSON_PADDING);

JsonReader::JsonReader() : parser_(std::make_unique<simdjson::dom::parser>()) {}

JsonReader::~JsonReader() = default;

/// Must come before the first text, whose size this is.
void JsonReader::allow_nesting(std::size_t size) {
    if (parser_->max_depth() != deepest && parser_->allocate(size, deepest) != simdjson::SUCCESS) {
        throw std::bad_alloc();
    }
}

std::optional<element> JsonReader::try_read(std::string_view text) {
    allow_nesting(text.size());
    element json;
    if (parser_->parse(text.data(), text.size(), false).get(json) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    return json;
}

element JsonReader::read(std::string_view text) {
    allow_nesting(text.size());
    element json;
    if (const auto error = parser_->parse(text.data(), text.size()).get(json)) {
        explain(text, error);
    }
    return json;
}

Value value_of_json(const element& json) {
    return value_at(json, rabbit::deepest_nesting());
}

Table table_of_json(const element& json) {
    auto value = value_of_json(json);
    if (auto* table = std::get_if<Table>(&value.data)) {
        return std::move(*table);
    }
    cannot_convert(fmt::format("{} is not an object", shown(json)));
}

std::string_view view_text(const element& json, std::string& decoded) {
    if (const auto tag = tag_of(json); tag && tag->name == "!string") {
        return decoded = from_base64(string_of(tag->value));
    }
    return string_of(json);
}

std::string text_of_json(const element& json) {
    std::string decoded;
    return std::string(view_text(json, decoded));
}

std::string shown(const element& json) {
    constexpr std::size_t most = 40;
    if (json.is_array() || json.is_object()) {
        return json.is_array() ? "an array" : "an object";
    }
    const auto text =
        json.is_string() ? nlohmann::json(json.get_string().value()).dump(-1, ' ', true) : simdjson::minify(json);
    return text.size() > most ? text.substr(0, most) + "..." : text;
}

}  // namespace cli
