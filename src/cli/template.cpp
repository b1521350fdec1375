#include "template.hpp"

#include "message_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace cli {
namespace {

[[noreturn]] void malformed(const std::string& text, const std::string& cause) {
    throw Failure(ExitCode::usage, fmt::format("--template {}: {}", text, cause));
}

/// Resolves \n, \t, \r, \0 and \\.
std::string unescape(const std::string& text) {
    std::string result;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '\\') {
            result += text[at];
            continue;
        }
        switch (++at < text.size() ? text[at] : ' ') {
            case 'n': result += '\n'; break;
            case 't': result += '\t'; break;
            case 'r': result += '\r'; break;
            case '0': result += '\0'; break;
            case '\\': result += '\\'; break;
            default: malformed(text, "a \\ must be followed by n, t, r, 0 or another \\");
        }
    }
    return result;
}

const rabbit::Properties& properties_of(const rabbit::Delivery& delivery) {
    static const rabbit::Properties none;
    return delivery.message.properties ? *delivery.message.properties : none;
}

/// Empty if the message does not have the header.
std::string header_text(const rabbit::Delivery& delivery, std::string_view name) {
    const auto& headers = properties_of(delivery).headers;
    if (!headers) {
        return {};
    }
    const auto found =
        std::find_if(headers->begin(), headers->end(), [name](const auto& each) { return each.name == name; });
    return found == headers->end() ? std::string() : value_text(found->value);
}

std::string property_text(const rabbit::Delivery& delivery, std::string_view name) {
    return property_text(*find_property(name), properties_of(delivery)).value_or(name == "headers" ? "{}" : "");
}

/// A width taken from another field, or a huge one, would fail only once messages arrive, so both are refused.
void check_format(const std::string& text, std::string_view format) {
    if (format.find('{') != std::string_view::npos) {
        malformed(text, "a width or precision is a number, not another field");
    }
    constexpr std::size_t most_digits = 4;
    std::size_t digits = 0;
    for (const char c : format) {
        digits = c >= '0' && c <= '9' ? digits + 1 : 0;
        if (digits > most_digits) {
            malformed(text, fmt::format("a width or precision has {} digits at most", most_digits));
        }
    }
}

}  // namespace

/// Takes a template apart.
class Template::Parser {
public:
    Parser(const std::string& given, std::string_view rest) : given_(given), rest_(rest) {}

    /// The text up to the next field, or to the end.
    std::string take_text() {
        std::string text;
        while (!rest_.empty()) {
            const auto brace = std::min(rest_.find_first_of("{}"), rest_.size());
            text += rest_.substr(0, brace);
            rest_.remove_prefix(brace);
            const bool twice = rest_.size() > 1 && rest_[0] == rest_[1];
            if (!rest_.empty() && !twice && rest_.front() == '}') {
                malformed(given_, "a } must follow a field; }} stands for a brace");
            }
            if (!twice) {
                return text;
            }
            text += rest_.front();
            rest_.remove_prefix(2);
        }
        return text;
    }

    [[nodiscard]] bool at_end() const { return rest_.empty(); }

    /// The field that begins here.
    Field take_field(std::string text_before) {
        rest_.remove_prefix(1);
        Field field{.text_before = std::move(text_before),
                    .name = take_name(),
                    .header = take_header(),
                    .format = take_format(),
                    .value = nullptr};
        field.value = value_of(field);
        return field;
    }

private:
    std::string take(std::size_t count) {
        std::string taken(rest_.substr(0, count));
        rest_.remove_prefix(count);
        return taken;
    }

    std::string take_name() {
        const auto end = rest_.find_first_of("}:[");
        if (end == std::string_view::npos) {
            malformed(given_, "a field ends with }");
        }
        if (end == 0 || (rest_.front() >= '0' && rest_.front() <= '9')) {
            malformed(given_, "a field has a name, as {body}; {{ stands for a brace");
        }
        return take(end);
    }

    /// As in Python's format, the name may hold any character but ].
    std::string take_header() {
        if (rest_.front() != '[') {
            return {};
        }
        const auto end = rest_.find(']');
        if (end == std::string_view::npos || end == 1) {
            malformed(given_, "a header has a name, as {headers[kind]}");
        }
        const auto header = take(end + 1);
        if (!rest_.starts_with('}') && !rest_.starts_with(':')) {
            malformed(given_, "after the ] of a header comes } or :");
        }
        return header.substr(1, header.size() - 2);
    }

    std::string take_format() {
        const auto end = rest_.find('}');
        if (end == std::string_view::npos) {
            malformed(given_, "a field ends with }");
        }
        const auto format = take(end);
        rest_.remove_prefix(1);
        check_format(given_, format);
        return fmt::format("{{{}}}", format);
    }

    [[nodiscard]] auto value_of(const Field& field) const -> decltype(Field::value) {
        using rabbit::Delivery;
        static constexpr std::pair<std::string_view, decltype(Field::value)> fields_of_delivery[] = {
            {"body", [](const Field&, const Delivery& d) -> Value { return std::string_view(d.message.body); }},
            {"size", [](const Field&, const Delivery& d) -> Value { return std::uint64_t{d.message.body.size()}; }},
            {"exchange", [](const Field&, const Delivery& d) -> Value { return std::string_view(d.address.exchange); }},
            {"routing_key",
             [](const Field&, const Delivery& d) -> Value { return std::string_view(d.address.routing_key); }},
            {"delivery_tag", [](const Field&, const Delivery& d) -> Value { return d.delivery_tag; }},
            {"redelivered", [](const Field&, const Delivery& d) -> Value { return d.redelivered; }},
        };
        if (!field.header.empty() && field.name == "headers") {
            return [](const Field& each, const Delivery& d) -> Value { return header_text(d, each.header); };
        }
        if (!field.header.empty()) {
            malformed(given_, fmt::format("{} is one value; only {{headers[name]}} picks one of several", field.name));
        }
        for (const auto& [name, value] : fields_of_delivery) {
            if (field.name == name) {
                return value;
            }
        }
        if (!find_property(field.name)) {
            malformed(given_, fmt::format("there is no field '{}'; --help names them", field.name));
        }
        return [](const Field& each, const Delivery& d) -> Value { return property_text(d, each.name); };
    }

    const std::string& given_;
    std::string_view rest_;
};

Template::Template(const std::string& text) {
    const auto unescaped = unescape(text);
    Parser parser(text, unescaped);
    for (;;) {
        auto before = parser.take_text();
        if (parser.at_end()) {
            text_after_ = std::move(before);
            break;
        }
        fields_.push_back(parser.take_field(std::move(before)));
    }
    for (const auto& field : fields_) {
        try {
            static_cast<void>(formatted(field, field.value(field, {})));
        } catch (const fmt::format_error& error) {
            malformed(text, error.what());
        }
    }
}

std::string Template::formatted(const Field& field, const Value& value) {
    return std::visit([&](const auto& each) { return fmt::vformat(field.format, fmt::make_format_args(each)); }, value);
}

void Template::write(Output& output, const rabbit::Delivery& delivery) const {
    for (const auto& field : fields_) {
        output.write(field.text_before);
        const auto value = field.value(field, delivery);
        const auto* view = std::get_if<std::string_view>(&value);
        if (view && field.format == "{}") {
            output.write(*view);
        } else {
            output.write(formatted(field, value));
        }
    }
    output.write(text_after_);
}

bool Template::needs_properties() const {
    return std::any_of(fields_.begin(), fields_.end(),
                       [](const Field& field) { return find_property(field.name) != nullptr; });
}

}  // namespace cli
