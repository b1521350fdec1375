#include "value_json.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace cli {
namespace {

using rabbit::Array;
using rabbit::Bytes;
using rabbit::Decimal;
using rabbit::Table;
using rabbit::Timestamp;
using rabbit::Value;

[[noreturn]] void cannot_convert(const std::string& text) {
    throw std::invalid_argument(text);
}

Json tagged(const char* type, Json value) {
    return Json{{std::string("!") + type, std::move(value)}};
}

/// A JSON object cannot hold a name twice, nor one that would be read as a tag.
bool fits_object(const Table& table) {
    std::vector<std::string_view> names;
    for (const auto& field : table) {
        if (field.name.starts_with('!') || !is_utf8(field.name)) {
            return false;
        }
        names.push_back(field.name);
    }
    std::sort(names.begin(), names.end());
    return std::adjacent_find(names.begin(), names.end()) == names.end();
}

struct ToJson {
    Json operator()(std::monostate) const { return nullptr; }
    Json operator()(bool v) const { return v; }
    Json operator()(std::int8_t v) const { return tagged("int8", v); }
    Json operator()(std::uint8_t v) const { return tagged("uint8", v); }
    Json operator()(std::int16_t v) const { return tagged("int16", v); }
    Json operator()(std::uint16_t v) const { return tagged("uint16", v); }
    Json operator()(std::int32_t v) const { return tagged("int32", v); }
    Json operator()(std::uint32_t v) const { return tagged("uint32", v); }
    Json operator()(std::int64_t v) const { return v; }
    Json operator()(std::uint64_t v) const { return tagged("uint64", v); }
    Json operator()(float v) const { return tagged("float", number(v)); }
    Json operator()(double v) const { return std::isfinite(v) ? Json(v) : tagged("double", number(v)); }
    Json operator()(const Decimal& v) const { return tagged("decimal", {{"scale", v.scale}, {"value", v.value}}); }
    Json operator()(const Timestamp& v) const { return tagged("timestamp", v.seconds); }
    Json operator()(const std::string& v) const { return json_of_text(v); }
    Json operator()(const Bytes& v) const { return tagged("bytes", to_base64(v.data)); }
    Json operator()(const Array& v) const {
        auto result = Json::array();
        for (const auto& each : v) {
            result.push_back(json_of(each));
        }
        return result;
    }
    Json operator()(const Table& v) const { return json_of(v); }

    /// JSON has no infinities and no NaN.
    static Json number(double v) { return std::isfinite(v) ? Json(v) : Json(fmt::format("{}", v)); }
};

template <class Integer>
Integer integer_of(const Json& json) {
    if (json.is_number_unsigned()) {
        if (const auto v = json.get<std::uint64_t>(); std::in_range<Integer>(v)) {
            return static_cast<Integer>(v);
        }
    } else if (json.is_number_integer()) {
        if (const auto v = json.get<std::int64_t>(); std::in_range<Integer>(v)) {
            return static_cast<Integer>(v);
        }
    }
    cannot_convert(fmt::format("{} is not a whole number from {} to {}", shown(json),
                               std::numeric_limits<Integer>::min(), std::numeric_limits<Integer>::max()));
}

double double_of(const Json& json) {
    if (json.is_number()) {
        return json.get<double>();
    }
    const auto text = json.is_string() ? json.get<std::string>() : "";
    for (const double special : {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                                 std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::quiet_NaN()}) {
        if (text == fmt::format("{}", special)) {
            return special;
        }
    }
    cannot_convert(fmt::format("{} is not a number", shown(json)));
}

const std::string& string_of(const Json& json) {
    if (!json.is_string()) {
        cannot_convert(fmt::format("{} is not a string", shown(json)));
    }
    return json.get_ref<const std::string&>();
}

Value value_at(const Json& json, int depth);

Table table_at(const Json& json, int depth) {
    Table table;
    for (const auto& [name, value] : json.items()) {
        table.push_back({name, value_at(value, depth + 1)});
    }
    return table;
}

/// [["name", value], ...]
Table table_of_pairs(const Json& json, int depth) {
    if (!json.is_array()) {
        cannot_convert("!table takes an array of [name, value] pairs");
    }
    Table table;
    for (const auto& pair : json) {
        if (!pair.is_array() || pair.size() != 2) {
            cannot_convert("!table takes an array of [name, value] pairs");
        }
        table.push_back({text_of_json(pair[0]), value_at(pair[1], depth + 1)});
    }
    return table;
}

Decimal decimal_of(const Json& json) {
    if (!json.is_object() || json.size() != 2 || !json.contains("scale") || !json.contains("value")) {
        cannot_convert("!decimal takes an object with scale and value");
    }
    return {integer_of<std::uint8_t>(json["scale"]), integer_of<std::uint32_t>(json["value"])};
}

Value value_of_tag(const std::string& tag, const Json& json, int depth) {
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
        return {table_of_pairs(json, depth)};
    cannot_convert(fmt::format("there is no type '{}'", tag));
}

Value value_at(const Json& json, int depth) {
    if (depth > rabbit::deepest_nesting()) {
        cannot_convert(fmt::format("it is nested more than {} deep", rabbit::deepest_nesting()));
    }
    switch (json.type()) {
        case Json::value_t::null: return {std::monostate()};
        case Json::value_t::boolean: return {json.get<bool>()};
        case Json::value_t::number_integer:
        case Json::value_t::number_unsigned: return {integer_of<std::int64_t>(json)};
        case Json::value_t::number_float: return {json.get<double>()};
        case Json::value_t::string: return {json.get<std::string>()};
        case Json::value_t::array: {
            Array array;
            for (const auto& each : json) {
                array.push_back(value_at(each, depth + 1));
            }
            return {std::move(array)};
        }
        case Json::value_t::object:
            if (json.size() == 1 && json.begin().key().starts_with('!')) {
                return value_of_tag(json.begin().key(), json.front(), depth);
            }
            return {table_at(json, depth)};
        default: cannot_convert("no such JSON value");
    }
}

}  // namespace

Json json_of(const Value& value) {
    return std::visit(ToJson(), value.data);
}

Json json_of(const Table& table) {
    if (fits_object(table)) {
        auto result = Json::object();
        for (const auto& [name, value] : table) {
            result[name] = json_of(value);
        }
        return result;
    }
    auto pairs = Json::array();
    for (const auto& [name, value] : table) {
        pairs.push_back(Json::array({json_of_text(name), json_of(value)}));
    }
    return tagged("table", std::move(pairs));
}

Json json_of_text(const std::string& text) {
    return is_utf8(text) ? Json(text) : tagged("string", to_base64(text));
}

Value value_of_json(const Json& json) {
    return value_at(json, 0);
}

Table table_of_json(const Json& json) {
    auto value = value_of_json(json);
    if (auto* table = std::get_if<Table>(&value.data)) {
        return std::move(*table);
    }
    cannot_convert(fmt::format("{} is not an object", shown(json)));
}

std::string text_of_json(const Json& json) {
    if (json.is_object() && json.size() == 1 && json.begin().key() == "!string") {
        return from_base64(string_of(json.front()));
    }
    return string_of(json);
}

std::string shown(const Json& json) {
    constexpr std::size_t most = 40;
    if (json.is_structured()) {
        return json.is_array() ? "an array" : "an object";
    }
    const auto text = json.dump(-1, ' ', true);
    return text.size() > most ? text.substr(0, most) + "..." : text;
}

bool is_utf8(std::string_view bytes) {
    // nlohmann-json checks what it writes.
    if (std::all_of(bytes.begin(), bytes.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
        return true;
    }
    try {
        static_cast<void>(Json(bytes).dump());
        return true;
    } catch (const Json::type_error&) {
        return false;
    }
}

std::string to_base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::string from_base64(std::string_view text) {
    constexpr auto alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto digits = std::min(text.size(), text.find_last_not_of('=') + 1);
    const auto padding = text.size() - digits;
    if (text.size() % 4 != 0 || padding > 2 ||
        text.substr(0, digits).find_first_not_of(alphabet) != std::string_view::npos) {
        cannot_convert("it is not base64");
    }
    std::string bytes(text.size() / 4 * 3, '\0');
    EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), reinterpret_cast<const unsigned char*>(text.data()),
                    static_cast<int>(text.size()));
    bytes.resize(bytes.size() - padding);
    return bytes;
}

}  // namespace cli
