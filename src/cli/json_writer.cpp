#include "json_writer.hpp"

#include "find_first.hpp"
#include "text_encoding.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <type_traits>
#include <vector>

namespace cli {
namespace {

using rabbit::Table;
using rabbit::Value;

/// A JSON object cannot hold a name twice, nor one that would be read as a tag.
bool fits_object(const Table& table) {
    std::vector<std::string_view> names;
    names.reserve(table.size());
    for (const auto& field : table) {
        if (field.name.starts_with('!') || !is_utf8(field.name)) {
            return false;
        }
        names.push_back(field.name);
    }
    std::sort(names.begin(), names.end());
    return std::adjacent_find(names.begin(), names.end()) == names.end();
}

template <class Number>
void append_number(std::string& json, Number number) {
    if constexpr (std::is_floating_point_v<Number>) {
        json += nlohmann::json(number).dump();  // in which a whole number keeps its ".0"
    } else {
        fmt::format_to(std::back_inserter(json), "{}", number);
    }
}

/// Appends each of `all` with `append_one`, and commas between them.
template <class Sequence, class AppendOne>
void append_all(std::string& json, const Sequence& all, AppendOne append_one) {
    bool first = true;
    for (const auto& each : all) {
        if (!first) {
            json += ',';
        }
        first = false;
        append_one(each);
    }
}

class ValueWriter {
public:
    explicit ValueWriter(std::string& json) : json_(json) {}

    void operator()(std::monostate) { json_ += "null"; }
    void operator()(bool v) { json_ += v ? "true" : "false"; }
    void operator()(std::int8_t v) { append_tagged("int8", v); }
    void operator()(std::uint8_t v) { append_tagged("uint8", v); }
    void operator()(std::int16_t v) { append_tagged("int16", v); }
    void operator()(std::uint16_t v) { append_tagged("uint16", v); }
    void operator()(std::int32_t v) { append_tagged("int32", v); }
    void operator()(std::uint32_t v) { append_tagged("uint32", v); }
    void operator()(std::int64_t v) { append_number(json_, v); }
    void operator()(std::uint64_t v) { append_tagged("uint64", v); }
    void operator()(float v) { append_tagged("float", v); }
    void operator()(double v) { std::isfinite(v) ? append_number(json_, v) : append_tagged("double", v); }
    void operator()(const rabbit::Decimal& v) {
        fmt::format_to(std::back_inserter(json_), R"({{"!decimal":{{"scale":{},"value":{}}}}})", v.scale, v.value);
    }
    void operator()(rabbit::Timestamp v) { append_tagged("timestamp", v.seconds); }
    void operator()(const std::string& v) { append_json_text(json_, v); }
    void operator()(const rabbit::Bytes& v) {
        fmt::format_to(std::back_inserter(json_), R"({{"!bytes":"{}"}})", to_base64(v.data));
    }
    void operator()(const rabbit::Array& v) {
        json_ += '[';
        append_all(json_, v, [this](const Value& each) { append_json(json_, each); });
        json_ += ']';
    }
    void operator()(const Table& v) { append_json(json_, v); }

private:
    template <class Number>
    void append_tagged(std::string_view type, Number number) {
        fmt::format_to(std::back_inserter(json_), R"({{"!{}":)", type);
        if (std::is_floating_point_v<Number> && !std::isfinite(static_cast<double>(number))) {
            fmt::format_to(std::back_inserter(json_), R"("{}")", number);  // JSON has no infinities and no NaN
        } else {
            append_number(json_, number);
        }
        json_ += '}';
    }

    std::string& json_;
};

constexpr auto is_special = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; };

void append_escape(std::string& json, char c) {
    switch (c) {
        case '"': json += "\\\""; break;
        case '\\': json += "\\\\"; break;
        case '\b': json += "\\b"; break;
        case '\f': json += "\\f"; break;
        case '\n': json += "\\n"; break;
        case '\r': json += "\\r"; break;
        case '\t': json += "\\t"; break;
        default: fmt::format_to(std::back_inserter(json), "\\u{:04x}", static_cast<unsigned char>(c));
    }
}

}  // namespace

void append_json(std::string& json, const Value& value) {
    std::visit(ValueWriter(json), value.data);
}

void append_json(std::string& json, const Table& table) {
    if (fits_object(table)) {
        json += '{';
        append_all(json, table, [&json](const rabbit::Field& field) {
            append_json_string(json, field.name);
            json += ':';
            append_json(json, field.value);
        });
        json += '}';
        return;
    }
    json += R"({"!table":[)";
    append_all(json, table, [&json](const rabbit::Field& field) {
        json += '[';
        append_json_text(json, field.name);
        json += ',';
        append_json(json, field.value);
        json += ']';
    });
    json += "]}";
}

void append_json_text(std::string& json, std::string_view text) {
    if (is_utf8(text)) {
        append_json_string(json, text);
    } else {
        fmt::format_to(std::back_inserter(json), R"({{"!string":"{}"}})", to_base64(text));
    }
}

void append_json_string(std::string& json, std::string_view text) {
    json += '"';
    append_json_escaped(json, text);
    json += '"';
}

void append_json_escaped(std::string& json, std::string_view text) {
    for (;;) {
        const auto plain = find_first(text, is_special);
        json.append(text, 0, plain);
        if (plain == text.size()) {
            break;
        }
        append_escape(json, text[plain]);
        text.remove_prefix(plain + 1);
    }
}

}  // namespace cli
