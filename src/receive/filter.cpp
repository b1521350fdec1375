#include "filter.hpp"

#include "failure.hpp"
#include "message_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace receiving {
namespace {

constexpr std::string_view header_prefix = "headers.";

std::string known_names() {
    std::string names = "routing_key, exchange";
    for (const auto& property : cli::message_properties) {
        if (property.name != "headers") {
            names += fmt::format(", {}", property.name);
        }
    }
    return names + " and headers.X for the header X";
}

}  // namespace

Filter::Filter(const std::vector<std::string>& conditions) {
    for (const auto& text : conditions) {
        try {
            conditions_.push_back(condition_of(text));
        } catch (const std::invalid_argument& error) {
            throw cli::UsageError(fmt::format("--where '{}': {}", text, error.what()));
        }
    }
}

Filter::Condition Filter::condition_of(const std::string& text) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
        throw std::invalid_argument("expected NAME=GLOB");
    }
    return {subject_of(text.substr(0, equals)), Glob(std::string_view(text).substr(equals + 1))};
}

Filter::Subject Filter::subject_of(const std::string& name) {
    if (name == "routing_key") {
        return &rabbit::Address::routing_key;
    }
    if (name == "exchange") {
        return &rabbit::Address::exchange;
    }
    if (name == "headers" || name == header_prefix) {
        throw std::invalid_argument("which header? Write headers.X for the header X");
    }
    if (name.starts_with(header_prefix)) {
        return Header{name.substr(header_prefix.size())};
    }
    if (const auto* property = cli::find_property(name)) {
        return property;
    }
    throw std::invalid_argument(fmt::format("there is no field '{}'; known are {}", name, known_names()));
}

bool Filter::matches(const rabbit::Delivery& delivery) const {
    return std::all_of(conditions_.begin(), conditions_.end(),
                       [&delivery](const Condition& each) { return each.holds(delivery); });
}

bool Filter::Condition::holds(const rabbit::Delivery& delivery) const {
    if (const auto* place = std::get_if<Place>(&subject)) {
        return glob.matches(delivery.address.*(*place));
    }
    const auto* properties = delivery.message.properties.get();
    if (!properties) {
        return false;
    }
    if (const auto* property = std::get_if<Property>(&subject)) {
        const auto text = cli::property_text(**property, *properties);
        return text && glob.matches(*text);
    }
    const auto& headers = properties->headers;
    const auto& name = std::get<Header>(subject).name;
    return headers && std::any_of(headers->begin(), headers->end(), [this, &name](const rabbit::Field& each) {
               return each.name == name && glob.matches(cli::value_text(each.value));
           });
}

}  // namespace receiving
