#include "properties_reader.hpp"

#include "json_reader.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

namespace cli {
namespace {

using rabbit::Properties;
using simdjson::dom::element;
using simdjson::dom::object;

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

void read(const element& json, std::optional<std::string>& text) {
    text = text_of_json(json);
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

const MessageProperty& set_property(Properties& properties, std::string_view name, const element& json) {
    const auto* property = find_property(name);
    if (!property) {
        throw std::invalid_argument("there is no such property");
    }
    std::visit([&](auto member) { read(json, properties.*member); }, property->member);
    if (name == "expiration" && !is_number(*properties.expiration)) {
        throw std::invalid_argument(fmt::format("'{}' is not a whole number of milliseconds", *properties.expiration));
    }
    return *property;
}

/// Whether the JSON stands for this value. It says no for the rarer types, and for objects that name a type or a member
/// twice; properties with those are always made anew.
bool stands_for(const element& json, const rabbit::Value& value);

bool stands_for(const element& json, const std::string& text) {
    std::string_view own;
    return json.get_string().get(own) == simdjson::SUCCESS && own == text;
}

bool stands_for(const element& json, std::uint64_t number) {
    std::uint64_t own = 0;
    return json.get_uint64().get(own) == simdjson::SUCCESS && own == number;
}

bool stands_for(const element& json, rabbit::Timestamp timestamp) {
    return stands_for(json, timestamp.seconds);
}

bool stands_for(const element& json, const rabbit::Table& table) {
    object members;
    if (json.get_object().get(members) != simdjson::SUCCESS) {
        return false;
    }
    const auto is_same = [&table](const auto& member, const rabbit::Field& field) {
        const auto has_its_name = [&field](const rabbit::Field& each) { return each.name == field.name; };
        return member.key == field.name && !field.name.starts_with('!') && stands_for(member.value, field.value) &&
               std::none_of(table.data(), &field, has_its_name);
    };
    return std::equal(members.begin(), members.end(), table.begin(), table.end(), is_same);
}

bool stands_for(const element& json, const rabbit::Value& value) {
    if (const auto* text = std::get_if<std::string>(&value.data)) {
        return stands_for(json, *text);
    }
    if (const auto* number = std::get_if<std::int64_t>(&value.data)) {
        std::int64_t own = 0;
        return json.get_int64().get(own) == simdjson::SUCCESS && own == *number;
    }
    if (const auto* flag = std::get_if<bool>(&value.data)) {
        bool own = false;
        return json.get_bool().get(own) == simdjson::SUCCESS && own == *flag;
    }
    if (const auto* table = std::get_if<rabbit::Table>(&value.data)) {
        return stands_for(json, *table);
    }
    return json.type() == simdjson::dom::element_type::DOUBLE && value == rabbit::Value{json.get_double().value()};
}

bool stands_for(const element& json, const MessageProperty& property, const Properties& properties) {
    return std::visit(
        [&](auto member) {
            const auto& value = properties.*member;
            return value && stands_for(json, *value);
        },
        property.member);
}

}  // namespace

std::shared_ptr<const Properties> PropertiesReader::read(const element& json) {
    if (is_empty_array(json)) {
        return nullptr;
    }
    object members;
    if (json.get_object().get(members) != simdjson::SUCCESS) {
        throw std::invalid_argument("properties is not an object");
    }
    if (members.size() == 0) {
        return nullptr;
    }
    if (!are_last(members)) {
        last_ = make(members);
    }
    return last_;
}

/// Whether these members stand for the last properties and come in the same order. The headers, which take longest, are
/// compared last.
bool PropertiesReader::are_last(const object& members) const {
    if (!last_) {
        return false;
    }
    std::optional<element> headers;
    const auto is_same = [&](const auto& member, const MessageProperty* expected) {
        if (member.key != expected->name) {
            return false;
        }
        if (!std::holds_alternative<MessageProperty::Headers>(expected->member)) {
            return stands_for(member.value, *expected, *last_);
        }
        const bool first = !headers;
        headers = member.value;
        return first;
    };
    return std::equal(members.begin(), members.end(), order_.begin(), order_.end(), is_same) &&
           (!headers || stands_for(*headers, *last_->headers));
}

std::shared_ptr<const Properties> PropertiesReader::make(const object& members) {
    last_ = nullptr;
    order_.clear();
    auto properties = std::make_shared<Properties>();
    for (const auto [name, value] : members) {
        try {
            order_.push_back(&set_property(*properties, name, value));
        } catch (const std::invalid_argument& error) {
            throw std::invalid_argument(fmt::format("property '{}': {}", name, error.what()));
        }
    }
    return properties;
}

}  // namespace cli
