#include "field_option.hpp"

#include "failure.hpp"
#include "json_reader.hpp"
#include "parse_number.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <chrono>
#include <optional>
#include <stdexcept>

namespace cli {
namespace {

constexpr auto types = "string, int, float, bool, timestamp, json";

/// An option's text and its parts, for parsing and for saying what is wrong with it.
struct FieldText {
    const std::string& option;
    const std::string& whole;
    std::string name;
    std::optional<std::string> type;
    std::string value;

    [[noreturn]] void fail(const std::string& cause) const {
        throw UsageError(fmt::format("{} '{}': {}", option, whole, cause));
    }
};

FieldText split(const std::string& option, const std::string& text) {
    FieldText field{option, text, {}, {}, {}};
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
        field.fail("expected KEY=VALUE or KEY:TYPE=VALUE");
    }
    field.value = text.substr(equals + 1);
    field.name = text.substr(0, equals);
    if (const auto colon = field.name.rfind(':'); colon != std::string::npos) {
        field.type = field.name.substr(colon + 1);
        field.name.resize(colon);
    }
    if (field.name.empty()) {
        field.fail("the key is empty");
    }
    if (field.name.size() > 255) {
        field.fail(fmt::format("a key of {} bytes; AMQP allows 255 at most", field.name.size()));
    }
    return field;
}

rabbit::Value json_value(const FieldText& field) {
    try {
        JsonReader reader;
        return value_of_json(reader.read(field.value));
    } catch (const NotJson&) {
        field.fail("the value is not JSON");
    } catch (const std::invalid_argument& error) {
        field.fail(error.what());
    }
}

rabbit::Value typed_value(const FieldText& field) {
    const auto& type = *field.type;
    if (type == "string") {
        return {field.value};
    }
    if (type == "int") {
        if (const auto v = parse_number<std::int64_t>(field.value)) {
            return {*v};
        }
        field.fail("the value is not a whole number of 64 bits");
    }
    if (type == "float") {
        if (const auto v = parse_number<double>(field.value)) {
            return {*v};
        }
        field.fail("the value is not a number");
    }
    if (type == "bool") {
        if (field.value == "true" || field.value == "false") {
            return {field.value == "true"};
        }
        field.fail("the value is neither true nor false");
    }
    if (type == "timestamp") {
        if (const auto v = parse_timestamp(field.value)) {
            return {*v};
        }
        field.fail("the value is neither 'now' nor whole seconds since 1970");
    }
    if (type == "json") {
        return json_value(field);
    }
    field.fail(fmt::format(
        "there is no type '{}'; known are {} (a key that holds a ':' needs a type: KEY:string=VALUE)", type, types));
}

}  // namespace

rabbit::Field parse_header(const std::string& option, const std::string& text) {
    const auto field = split(option, text);
    return {field.name, field.type ? typed_value(field) : rabbit::Value{field.value}};
}

rabbit::Field parse_argument(const std::string& option, const std::string& text) {
    auto field = split(option, text);
    if (!field.type) {
        const bool is_bool = field.value == "true" || field.value == "false";
        field.type = is_bool ? "bool" : parse_number<std::int64_t>(field.value) ? "int" : "string";
    }
    return {field.name, typed_value(field)};
}

std::optional<rabbit::Timestamp> parse_timestamp(const std::string& text) {
    if (text == "now") {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        return rabbit::Timestamp{static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(now).count())};
    }
    if (const auto seconds = parse_number<std::uint64_t>(text)) {
        return rabbit::Timestamp{*seconds};
    }
    return std::nullopt;
}

}  // namespace cli
