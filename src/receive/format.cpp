#include "format.hpp"

#include "record.hpp"
#include "repr.hpp"
#include "value_json.hpp"

#include <fmt/args.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

namespace receiving {
namespace {

[[noreturn]] void refuse(const std::string& text, const std::string& cause) {
    throw cli::Failure(cli::ExitCode::usage, fmt::format("--template {}: {}", text, cause));
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
            default: refuse(text, "a \\ must be followed by n, t, r, 0 or another \\");
        }
    }
    return result;
}

template <class Number>
std::string number_or_nothing(const std::optional<Number>& number) {
    return number ? std::to_string(*number) : "";
}

std::string fill_in(const std::string& text, const rabbit::Delivery& delivery) {
    static const rabbit::Properties none;
    const auto& p = delivery.message.properties ? *delivery.message.properties : none;
    fmt::dynamic_format_arg_store<fmt::format_context> fields;
    const auto add = [&fields](const char* name, const auto& value) { fields.push_back(fmt::arg(name, value)); };
    add("body", delivery.message.body);
    add("size", delivery.message.body.size());
    add("exchange", delivery.address.exchange);
    add("routing_key", delivery.address.routing_key);
    add("delivery_tag", delivery.delivery_tag);
    add("redelivered", delivery.redelivered);
    add("content_type", p.content_type.value_or(""));
    add("content_encoding", p.content_encoding.value_or(""));
    add("headers", p.headers ? cli::json_of(*p.headers).dump() : "{}");
    add("delivery_mode", number_or_nothing(p.delivery_mode));
    add("priority", number_or_nothing(p.priority));
    add("correlation_id", p.correlation_id.value_or(""));
    add("reply_to", p.reply_to.value_or(""));
    add("expiration", p.expiration.value_or(""));
    add("message_id", p.message_id.value_or(""));
    add("timestamp", p.timestamp ? std::to_string(p.timestamp->seconds) : "");
    add("type", p.type.value_or(""));
    add("user_id", p.user_id.value_or(""));
    add("app_id", p.app_id.value_or(""));
    add("cluster_id", p.cluster_id.value_or(""));
    return fmt::vformat(text, fields);
}

/// A width that comes with a message, or is beyond measure, would fail when messages are there already.
void check_field(const std::string& template_text, std::string_view field) {
    if (field.find('{') != field.npos) {
        refuse(template_text, "a width or precision is a number, not another field");
    }
    constexpr std::size_t most_digits = 4;
    std::size_t digits = 0;
    for (const char c : field.substr(std::min(field.find(':'), field.size()))) {
        digits = c >= '0' && c <= '9' ? digits + 1 : 0;
        if (digits > most_digits) {
            refuse(template_text, fmt::format("a width or precision has {} digits at most", most_digits));
        }
    }
}

}  // namespace

Formatter::Formatter(const std::string& template_text)
    : format_(Format::templated), template_(unescape(template_text)) {
    // fmt would count the named fields, too.
    for (auto at = template_.find('{'); at != std::string::npos; at = template_.find('{', at + 1)) {
        const char next = at + 1 < template_.size() ? template_[at + 1] : '{';
        if (next == '{') {
            ++at;
        } else if (next == '}' || next == ':' || (next >= '0' && next <= '9')) {
            refuse(template_text, "a field has a name, as {body}; {{ stands for a brace");
        } else {
            check_field(template_text, std::string_view(template_).substr(at + 1, template_.find('}', at) - at - 1));
        }
    }
    try {
        static_cast<void>(fill_in(template_, {}));
    } catch (const fmt::format_error& error) {
        const bool unknown = std::string_view(error.what()) == "argument not found";
        refuse(template_text, unknown ? "there is no such field; --help names them" : error.what());
    }
}

bool Formatter::needs_properties() const {
    if (format_ != Format::templated) {
        return format_ == Format::json;
    }
    static constexpr std::array<std::string_view, 6> others{"body",        "size",         "exchange",
                                                            "routing_key", "delivery_tag", "redelivered"};
    for (auto at = template_.find('{'); at != std::string::npos; at = template_.find('{', at + 1)) {
        if (at + 1 < template_.size() && template_[at + 1] == '{') {
            ++at;
            continue;
        }
        const auto name = template_.substr(at + 1, template_.find_first_of(":}", at) - at - 1);
        if (std::find(others.begin(), others.end(), name) == others.end()) {
            return true;
        }
    }
    return false;
}

void Formatter::write(cli::Output& output, const rabbit::Delivery& delivery) const {
    const auto& body = delivery.message.body;
    switch (format_) {
        case Format::hello:
            output.write(" [x] Received ");
            output.write(cli::repr_bytes(body));
            output.write("\n");
            break;
        case Format::text:
            output.write(cli::escape_text(body));
            output.write("\n");
            break;
        case Format::raw:
            output.write(body);
            break;
        case Format::lines:
            output.write(body);
            output.write("\n");
            break;
        case Format::null:
            output.write(body);
            output.write(std::string_view("\0", 1));
            break;
        case Format::json:
            output.write(cli::format_record(delivery));
            output.write("\n");
            break;
        case Format::templated:
            output.write(fill_in(template_, delivery));
            break;
    }
}

}  // namespace receiving
