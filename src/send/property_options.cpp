#include "property_options.hpp"

#include "cli11.hpp"
#include "failure.hpp"
#include "field_option.hpp"
#include "message_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sending {
namespace {

using rabbit::Properties;

struct TextOption {
    const char* property;
    const char* description;
};

constexpr TextOption text_options[] = {
    {"content_type", "MIME type of the body"},
    {"content_encoding", "MIME encoding of the body"},
    {"correlation_id", "Identifier of the request that this answers"},
    {"reply_to", "Queue for the answers"},
    {"expiration", "Let the broker drop the message after this many milliseconds"},
    {"message_id", "Identifier of the message"},
    {"type", "Kind of message"},
    {"user_id", "User who sends it; the broker checks that it is the one logged in"},
    {"app_id", "Application that sends it"},
};

std::optional<std::string>& text_property(Properties& properties, std::string_view name) {
    return properties.*std::get<cli::MessageProperty::Text>(cli::find_property(name)->member);
}

/// An empty text takes the property away.
void merge(std::optional<std::string>& to, const std::optional<std::string>& from) {
    if (from) {
        to = from->empty() ? std::nullopt : from;
    }
}

template <class Value>
void merge(std::optional<Value>& to, const std::optional<Value>& from) {
    if (from) {
        to = from;
    }
}

/// Header by header.
void merge(std::optional<rabbit::Table>& to, const std::optional<rabbit::Table>& from) {
    if (from && !to) {
        to.emplace();
    }
    for (const auto& header : from.value_or(rabbit::Table())) {
        std::erase_if(*to, [&](const rabbit::Field& field) { return field.name == header.name; });
        to->push_back(header);
    }
}

constexpr auto group = "Properties";

}  // namespace

void PropertyOptions::add_to(CLI::App& app) {
    for (const auto& [name, description] : text_options) {
        app.add_option(cli::option_name(name), text_property(properties_, name), description)
            ->type_name("TEXT")
            ->group(group);
    }
    cli::find_option(app, "--expiration")->type_name("MS");
    app.add_flag("--persistent", persistent_, "Keep the message over a restart of the broker, in a durable queue")
        ->group(group);
    cli::add_number<std::uint8_t>(app, "--priority", properties_.priority, 0, 255,
                                  "0 to 255, for a queue declared with x-max-priority")
        ->group(group);
    app.add_option("--timestamp", timestamp_, "Time of the message: now, or seconds since 1970")
        ->type_name("now|SECONDS")
        ->group(group);
    cli::add_repeatable(app, "-H,--header", headers_,
                        "Add a header (repeatable); TYPE is string (the default), int, float, bool, timestamp or json")
        ->type_name("KEY[:TYPE]=VALUE")
        ->group(group);
}

void PropertyOptions::parse() {
    for (const auto& [name, description] : text_options) {
        if (const auto& text = text_property(properties_, name); text && text->size() > 255) {
            throw cli::UsageError(
                fmt::format("{}: a text of {} bytes; AMQP allows 255 at most", cli::option_name(name), text->size()));
        }
    }
    if (const auto& expiration = properties_.expiration;
        expiration && expiration->find_first_not_of("0123456789") != std::string::npos) {
        throw cli::UsageError(fmt::format("--expiration '{}': expected whole milliseconds", *expiration));
    }
    if (persistent_) {
        properties_.delivery_mode = std::uint8_t{2};
    }
    if (timestamp_) {
        properties_.timestamp = cli::parse_timestamp(*timestamp_);
        if (!properties_.timestamp) {
            throw cli::UsageError(
                fmt::format("--timestamp '{}': expected 'now' or whole seconds since 1970", *timestamp_));
        }
    }
    for (const auto& header : headers_) {
        if (!properties_.headers) {
            properties_.headers.emplace();
        }
        properties_.headers->push_back(cli::parse_header("--header", header));
    }
    given_ = properties_ != Properties();
    shared_ = merged({});
}

std::shared_ptr<const Properties> PropertyOptions::apply(std::shared_ptr<const Properties> base) {
    if (!given_) {
        return base;
    }
    if (timestamp_ == "now") {
        if (const auto now = cli::parse_timestamp(*timestamp_); now != properties_.timestamp) {
            properties_.timestamp = now;
            shared_ = merged({});
        }
    }
    return base ? merged(*base) : shared_;
}

std::shared_ptr<const Properties> PropertyOptions::merged(Properties base) const {
    for (const auto& property : cli::message_properties) {
        std::visit([&](auto member) { merge(base.*member, properties_.*member); }, property.member);
    }
    return base == Properties() ? nullptr : std::make_shared<const Properties>(std::move(base));
}

}  // namespace sending
