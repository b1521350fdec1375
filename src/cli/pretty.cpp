#include "pretty.hpp"

#include "body_view.hpp"
#include "content_decoding.hpp"
#include "lookup.hpp"
#include "message_fields.hpp"
#include "repr.hpp"
#include "text_encoding.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <variant>

namespace cli {
namespace {

using Line = std::pair<std::string, std::string>;  ///< a name and a value

constexpr std::size_t longest_value = 1000;
constexpr std::string_view margin = "  ";
constexpr std::string_view body_margin = "    ";

/// SGR sequences (ECMA-48, section 8.3.117).
enum class Color { bold, dim, name, note };

std::string in_color(std::string_view text, Color color, bool colored) {
    if (!colored) {
        return std::string(text);
    }
    const char* code = color == Color::bold ? "1" : color == Color::dim ? "2" : color == Color::name ? "36" : "33";
    return fmt::format("\033[{}m{}\033[0m", code, text);
}

std::string shortened(const std::string& value) {
    auto text = printable(value.substr(0, longest_value));
    return value.size() > longest_value ? fmt::format("{}... ({} bytes)", text, value.size()) : text;
}

std::string utc(rabbit::Timestamp timestamp) {
    const auto seconds = static_cast<std::time_t>(timestamp.seconds);
    constexpr std::uint64_t year_10000 = 253402300800;
    if (timestamp.seconds >= year_10000) {
        return fmt::format("{} s since 1970", timestamp.seconds);
    }
    return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(seconds));
}

std::string utf8_or_repr(const std::string& bytes) {
    return is_utf8(bytes) ? bytes : repr_bytes(bytes);
}

using Json = nlohmann::ordered_json;

Json plain_json(const rabbit::Value& value);

/// JSON without the types that append_json() notes.
struct PlainJson {
    Json operator()(std::monostate) const { return nullptr; }
    Json operator()(const rabbit::Decimal& decimal) const {
        return static_cast<double>(decimal.value) / std::pow(10.0, decimal.scale);
    }
    Json operator()(rabbit::Timestamp timestamp) const { return utc(timestamp); }
    Json operator()(const std::string& text) const { return utf8_or_repr(text); }
    Json operator()(const rabbit::Bytes& bytes) const { return repr_bytes(bytes.data); }
    Json operator()(const rabbit::Array& array) const {
        auto json = Json::array();
        for (const auto& each : array) {
            json.push_back(plain_json(each));
        }
        return json;
    }
    Json operator()(const rabbit::Table& table) const {
        auto json = Json::object();
        for (const auto& [name, value] : table) {
            json[utf8_or_repr(name)] = plain_json(value);
        }
        return json;
    }
    template <class Number>
    Json operator()(Number number) const {
        return number;
    }
};

Json plain_json(const rabbit::Value& value) {
    return std::visit(PlainJson(), value.data);
}

std::string text_of(const rabbit::Value& value) {
    const auto json = plain_json(value);
    return json.is_string() ? json.get<std::string>() : json.dump();
}

std::string death_in_words(const rabbit::Table& death) {
    const auto* count = find<std::int64_t>(death, "count");
    const auto* reason = find<std::string>(death, "reason");
    const auto* queue = find<std::string>(death, "queue");
    if (!count || !reason || !queue) {
        return {};
    }
    constexpr std::pair<std::string_view, std::string_view> reasons[] = {
        {"rejected", "rejected"},
        {"expired", "expired"},
        {"maxlen", "dropped from the full queue"},
        {"delivery_limit", "delivered too often"},
    };
    const auto* known = std::find_if(std::begin(reasons), std::end(reasons),
                                     [reason](const auto& each) { return each.first == *reason; });
    auto text = fmt::format("{} {} in queue '{}'", known == std::end(reasons) ? *reason : known->second,
                            *count == 1 ? std::string("once") : fmt::format("{} times", *count), *queue);
    const auto* exchange = find<std::string>(death, "exchange");
    const auto* key = first<std::string>(find<rabbit::Array>(death, "routing-keys"));
    if (exchange && key) {
        text += exchange->empty() ? fmt::format(", published with routing key '{}'", *key)
                                  : fmt::format(", published to exchange '{}' with routing key '{}'", *exchange, *key);
    }
    if (const auto* time = find<rabbit::Timestamp>(death, "time")) {
        text += fmt::format(", first at {}", utc(*time));
    }
    return text;
}

/// The properties but the headers.
std::vector<Line> lines_of(const rabbit::Properties& properties) {
    std::vector<Line> lines;
    for (const auto& property : message_properties) {
        const auto name = property.name;
        if (name == "headers") {
            continue;
        }
        auto text = property_text(property, properties);
        if (!text) {
            continue;
        }
        if (name == "delivery_mode") {
            *text += *text == "2" ? " (persistent)" : *text == "1" ? " (transient)" : "";
        } else if (name == "timestamp") {
            *text = utc(*properties.timestamp);
        } else if (name == "expiration") {
            *text += " ms";
        }
        lines.emplace_back(name, shortened(*text));
    }
    return lines;
}

void add_headers(std::vector<Line>& lines, const rabbit::Table& headers) {
    for (const auto& [name, value] : headers) {
        const auto shown_name = shortened(name);
        if (name == "x-death") {
            if (auto deaths = deaths_in_words(value); !deaths.empty()) {
                for (auto& death : deaths) {
                    lines.emplace_back(shown_name, std::move(death));
                }
                continue;
            }
        }
        lines.emplace_back(shown_name, shortened(text_of(value)));
    }
}

void append(std::string& to, const std::vector<Line>& lines, bool colored) {
    constexpr std::size_t most = 24;  // a longer name does not push all others to the right
    std::size_t width = 0;
    for (const auto& [name, value] : lines) {
        width = std::max(width, name.size() > most ? 0 : name.size());
    }
    for (const auto& [name, value] : lines) {
        const std::string padding(width > name.size() ? width - name.size() : 0, ' ');
        to += fmt::format("{}{}{}  {}\n", margin, in_color(name, Color::name, colored), padding, value);
    }
}

/// The body decompressed, if it can be, and a note on that.
std::pair<std::optional<std::string>, std::string> decompressed(const rabbit::Message& message) {
    const auto& properties = message.properties;
    if (properties && properties->content_encoding) {
        const auto& encoding = *properties->content_encoding;
        try {
            if (auto decoded = decode_content(encoding, message.body)) {
                auto note = decoded->whole ? fmt::format("{} bytes decompressed", decoded->bytes.size())
                                           : fmt::format("more than {} bytes decompressed", decoded->bytes.size());
                return {std::move(decoded->bytes), std::move(note)};
            }
        } catch (const std::runtime_error& error) {
            return {std::nullopt, fmt::format("not decompressed: {}", error.what())};
        }
    }
    return {std::nullopt, ""};
}

void append_body(std::string& to, const rabbit::Message& message, bool colored) {
    if (message.body.empty()) {
        to += fmt::format("{}{}\n", margin, in_color("no body", Color::dim, colored));
        return;
    }
    const auto [content, note] = decompressed(message);
    const auto view = view_body(content ? *content : message.body, body_margin);
    auto about = fmt::format("{} bytes", message.body.size());
    if (!note.empty()) {
        about += ", " + note;
    }
    to += fmt::format("{}{}\n{}", margin, in_color(fmt::format("{}, {}", about, view.kind), Color::dim, colored),
                      view.lines);
    if (!view.whole) {
        to += fmt::format(
            "{}{}\n", body_margin,
            in_color(note.empty() ? "... cut; --format raw prints all of it" : "... cut", Color::note, colored));
    }
}

std::string first_line(const rabbit::Delivery& delivery, std::chrono::system_clock::time_point arrived, bool colored) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(arrived);
    const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(arrived - seconds).count();
    const auto time = fmt::format("{:%Y-%m-%d %H:%M:%S}.{:03}",
                                  fmt::localtime(std::chrono::system_clock::to_time_t(seconds)), milliseconds);
    const auto& [exchange, routing_key] = delivery.address;
    auto text = fmt::format("{}  {}routing key '{}'", in_color(time, Color::bold, colored),
                            exchange.empty() ? "" : fmt::format("exchange '{}', ", printable(exchange)),
                            printable(routing_key));
    if (delivery.redelivered) {
        text += in_color(", redelivered", Color::note, colored);
    }
    return text + '\n';
}

}  // namespace

std::vector<std::string> deaths_in_words(const rabbit::Value& x_death) {
    std::vector<std::string> result;
    const auto* deaths = std::get_if<rabbit::Array>(&x_death.data);
    for (const auto& each : deaths ? *deaths : rabbit::Array()) {
        const auto* death = std::get_if<rabbit::Table>(&each.data);
        auto words = death ? death_in_words(*death) : "";
        if (words.empty()) {
            return {};
        }
        result.push_back(shortened(words));
    }
    return result;
}

std::string pretty(const rabbit::Delivery& delivery, std::chrono::system_clock::time_point arrived, bool colored) {
    auto text = first_line(delivery, arrived, colored);
    if (const auto& unreadable = delivery.message.unreadable; !unreadable.empty()) {
        text += fmt::format(
            "{}{}\n", margin,
            in_color(fmt::format("its properties cannot be read ({})", printable(unreadable)), Color::note, colored));
    }
    if (const auto& properties = delivery.message.properties) {
        auto lines = lines_of(*properties);
        add_headers(lines, properties->headers.value_or(rabbit::Table()));
        append(text, lines, colored);
    }
    append_body(text, delivery.message, colored);
    return text;
}

}  // namespace cli
