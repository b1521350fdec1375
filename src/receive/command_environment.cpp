#include "command_environment.hpp"

#include "message_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include <unistd.h>

namespace receiving {
namespace {

/// A variable that an outer `receive` has set, whose COMMAND this process may be.
bool is_message_variable(std::string_view text) {
    static const auto names = CommandEnvironment::names();
    return std::find(names.begin(), names.end(), text.substr(0, text.find('='))) != names.end();
}

}  // namespace

CommandEnvironment::CommandEnvironment(const rabbit::Delivery& delivery)
    : variables_{{"exchange", delivery.address.exchange},
                 {"routing_key", delivery.address.routing_key},
                 {"delivery_tag", std::to_string(delivery.delivery_tag)},
                 {"redelivered", delivery.redelivered ? "true" : "false"}} {
    if (const auto& properties = delivery.message.properties) {
        for (const auto& property : cli::message_properties) {
            if (auto text = cli::property_text(property, *properties)) {
                variables_.emplace_back(property.name, std::move(*text));
            }
        }
    }
    for (auto& [name, value] : variables_) {
        name = cli::environment_name(name);
    }
}

std::vector<std::string> CommandEnvironment::names() {
    std::vector<std::string> result;
    for (const auto* field : {"exchange", "routing_key", "delivery_tag", "redelivered"}) {
        result.push_back(cli::environment_name(field));
    }
    for (const auto& property : cli::message_properties) {
        result.push_back(cli::environment_name(property.name));
    }
    return result;
}

std::string CommandEnvironment::why_unfit() const {
    const auto found = std::find_if(variables_.begin(), variables_.end(),
                                    [](const auto& each) { return each.second.find('\0') != std::string::npos; });
    return found == variables_.end() ? "" : fmt::format("{} holds a NUL byte", found->first);
}

std::string CommandEnvironment::why_too_large() const {
    const auto& [name, value] =
        *std::max_element(variables_.begin(), variables_.end(),
                          [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
    return fmt::format("{} is too large for an environment ({} bytes)", name, value.size());
}

std::vector<std::string> CommandEnvironment::with_own() const {
    std::vector<std::string> result;
    for (char** variable = environ; *variable; ++variable) {
        if (!is_message_variable(*variable)) {
            result.emplace_back(*variable);
        }
    }
    for (const auto& [name, value] : variables_) {
        result.push_back(fmt::format("{}={}", name, value));
    }
    return result;
}

}  // namespace receiving
