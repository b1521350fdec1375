#include "property_options.hpp"

#include "cli11.hpp"
#include "failure.hpp"
#include "field_option.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sending {
namespace {

using rabbit::Properties;

struct TextOption {
    const char* name;
    const char* description;
    std::optional<std::string> Properties::*property;
};

constexpr TextOption text_options[] = {
    {"--content-type", "MIME type of the body", &Properties::content_type},
    {"--content-encoding", "MIME encoding of the body", &Properties::content_encoding},
    {"--correlation-id", "Identifier of the request that this answers", &Properties::correlation_id},
    {"--reply-to", "Queue for the answers", &Properties::reply_to},
    {"--expiration", "Let the broker drop the message after this many milliseconds", &Properties::expiration},
    {"--message-id", "Identifier of the message", &Properties::message_id},
    {"--type", "Kind of message", &Properties::type},
    {"--user-id", "User who sends it; the broker checks that it is the one logged in", &Properties::user_id},
    {"--app-id", "Application that sends it", &Properties::app_id},
};

constexpr auto group = "Properties";

}  // namespace

void PropertyOptions::add_to(CLI::App& app) {
    for (const auto& [name, description, property] : text_options) {
        app.add_option(name, properties_.*property, description)->type_name("TEXT")->group(group);
    }
    app.get_option("--expiration")->type_name("MS");
    app.add_flag("--persistent", persistent_, "Keep the message over a restart of the broker, in a durable queue")->group(group);
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
    for (const auto& [name, description, property] : text_options) {
        if (const auto& text = properties_.*property; text && text->size() > 255) {
            throw cli::UsageError(fmt::format("{}: a text of {} bytes; AMQP allows 255 at most", name, text->size()));
        }
    }
    if (const auto& expiration = properties_.expiration;
        expiration && (expiration->empty() || expiration->find_first_not_of("0123456789") != std::string::npos)) {
        throw cli::UsageError(fmt::format("--expiration '{}': expected whole milliseconds", *expiration));
    }
    if (persistent_) {
        properties_.delivery_mode = std::uint8_t{2};
    }
    if (timestamp_) {
        properties_.timestamp = cli::parse_timestamp(*timestamp_);
        if (!properties_.timestamp) {
            throw cli::UsageError(fmt::format("--timestamp '{}': expected 'now' or whole seconds since 1970", *timestamp_));
        }
    }
    for (const auto& header : headers_) {
        if (!properties_.headers) {
            properties_.headers.emplace();
        }
        properties_.headers->push_back(cli::parse_header("--header", header));
    }
    if (properties_ != Properties()) {
        shared_ = std::make_shared<const Properties>(properties_);
    }
}

std::shared_ptr<const Properties> PropertyOptions::apply(std::shared_ptr<const Properties> base) {
    if (!shared_) {
        return base;
    }
    if (timestamp_ == "now") {
        if (const auto now = cli::parse_timestamp(*timestamp_); now != properties_.timestamp) {
            properties_.timestamp = now;
            shared_ = std::make_shared<const Properties>(properties_);
        }
    }
    if (!base) {
        return shared_;
    }
    auto merged = std::make_shared<Properties>(*base);
    merge_into(*merged);
    return merged;
}

void PropertyOptions::merge_into(Properties& properties) const {
    const auto take = [](auto& to, const auto& from) {
        if (from) {
            to = from;
        }
    };
    for (const auto& [name, description, property] : text_options) {
        take(properties.*property, properties_.*property);
    }
    take(properties.delivery_mode, properties_.delivery_mode);
    take(properties.priority, properties_.priority);
    take(properties.timestamp, properties_.timestamp);
    if (!properties_.headers) {
        return;
    }
    if (!properties.headers) {
        properties.headers.emplace();
    }
    for (const auto& header : *properties_.headers) {
        std::erase_if(*properties.headers, [&](const rabbit::Field& field) { return field.name == header.name; });
        properties.headers->push_back(header);
    }
}

}  // namespace sending
