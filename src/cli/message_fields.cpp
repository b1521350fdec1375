#include "message_fields.hpp"

#include "json_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <type_traits>

namespace cli {
namespace {

std::string text_of(const std::string& text) {
    return text;
}

std::string text_of(std::uint8_t number) {
    return std::to_string(number);
}

std::string text_of(rabbit::Timestamp timestamp) {
    return std::to_string(timestamp.seconds);
}

std::string text_of(const rabbit::Decimal& decimal) {
    if (decimal.scale == 0) {
        return std::to_string(decimal.value);
    }
    const auto digits = fmt::format("{:0>{}}", decimal.value, decimal.scale + 1);
    const auto point = digits.size() - decimal.scale;
    return fmt::format("{}.{}", digits.substr(0, point), digits.substr(point));
}

std::string text_of(const rabbit::Table& headers) {
    return json_of(headers);
}

char upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

}  // namespace

const MessageProperty* find_property(std::string_view name) {
    const auto* found = std::find_if(std::begin(message_properties), std::end(message_properties),
                                     [name](const MessageProperty& each) { return each.name == name; });
    return found == std::end(message_properties) ? nullptr : found;
}

std::optional<std::string> property_text(const MessageProperty& property, const rabbit::Properties& properties) {
    return std::visit(
        [&properties](auto member) {
            const auto& value = properties.*member;
            return value ? std::optional(text_of(*value)) : std::nullopt;
        },
        property.member);
}

std::string value_text(const rabbit::Value& value) {
    return std::visit(
        [&value](const auto& data) -> std::string {
            using Data = std::decay_t<decltype(data)>;
            if constexpr (std::is_same_v<Data, std::string>) {
                return data;
            } else if constexpr (std::is_same_v<Data, rabbit::Bytes>) {
                return data.data;
            } else if constexpr (std::is_same_v<Data, rabbit::Timestamp> || std::is_same_v<Data, rabbit::Decimal>) {
                return text_of(data);
            } else if constexpr (std::is_arithmetic_v<Data>) {
                return fmt::format("{}", data);
            } else {
                return json_of(value);
            }
        },
        value.data);
}

std::string option_name(std::string_view field) {
    auto name = "--" + std::string(field);
    std::replace(name.begin(), name.end(), '_', '-');
    return name;
}

std::string environment_name(std::string_view field) {
    std::string name("AMQP_");
    std::transform(field.begin(), field.end(), std::back_inserter(name), upper);
    return name;
}

}  // namespace cli
