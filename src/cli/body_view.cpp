#include "body_view.hpp"

#include "repr.hpp"
#include "text_encoding.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace cli {
namespace {

constexpr std::size_t most_bytes = 4096;
constexpr std::size_t most_lines = 40;
constexpr std::string_view blanks = " \t\r\n";

/// Indents JSON that is well formed, and changes nothing but the blanks between its tokens. Ends some time after
/// `most` bytes.
std::string indent(std::string_view json, std::size_t most) {
    constexpr std::size_t step = 2;
    std::string result;
    std::size_t depth = 0;
    const auto new_line = [&] {
        result += '\n';
        result.append(depth * step, ' ');
    };
    for (std::size_t at = 0; at < json.size() && result.size() < most; ++at) {
        const char c = json[at];
        switch (c) {
            case ' ':
            case '\t':
            case '\r':
            case '\n': break;
            case '{':
            case '[': {
                result += c;
                const auto next = json.find_first_not_of(blanks, at + 1);
                if (json[next] == '}' || json[next] == ']') {
                    result += json[next];
                    at = next;
                    break;
                }
                ++depth;
                new_line();
                break;
            }
            case '}':
            case ']':
                --depth;
                new_line();
                result += c;
                break;
            case ',':
                result += c;
                new_line();
                break;
            case ':': result += ": "; break;
            case '"': {
                const auto begin = at++;
                while (json[at] != '"') {
                    at += json[at] == '\\' ? 2 : 1;
                }
                result += json.substr(begin, at + 1 - begin);
                break;
            }
            default: result += c;
        }
    }
    return result;
}

bool is_json(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    return first != std::string_view::npos && (text[first] == '{' || text[first] == '[') &&
           nlohmann::json::accept(text);
}

/// UTF-8 with hardly any control characters.
bool is_text(std::string_view body) {
    if (!is_utf8(body)) {
        return false;
    }
    const auto controls = std::count_if(body.begin(), body.end(), [](unsigned char c) {
        return c < ' ' && blanks.find(static_cast<char>(c)) == std::string_view::npos;
    });
    return static_cast<std::size_t>(controls) * 10 <= body.size() && body.find('\0') == std::string_view::npos;
}

void append_text(BodyView& view, std::string_view text, std::string_view margin) {
    if (text.size() > most_bytes) {
        text = cut_utf8(text, most_bytes);
        view.whole = false;
    }
    if (text.ends_with('\n')) {
        text.remove_suffix(1);
    }
    for (std::size_t line = 0;; ++line) {
        if (line == most_lines) {
            view.whole = false;
            return;
        }
        const auto end = text.find('\n');
        view.lines += margin;
        view.lines += printable(text.substr(0, end));
        view.lines += '\n';
        if (end == std::string_view::npos) {
            return;
        }
        text.remove_prefix(end + 1);
    }
}

void append_hex(BodyView& view, std::string_view body, std::string_view margin) {
    constexpr std::size_t width = 16;
    constexpr std::size_t most = 16 * width;
    view.whole = body.size() <= most;
    body = body.substr(0, most);
    for (std::size_t at = 0; at < body.size(); at += width) {
        std::string hex;
        std::string characters;
        for (const char byte : body.substr(at, width)) {
            hex += fmt::format("{:02x} ", static_cast<unsigned char>(byte));
            characters += byte >= ' ' && byte <= '~' ? byte : '.';
        }
        view.lines += fmt::format("{}{:08x}  {:<48} {}\n", margin, at, hex, characters);
    }
}

}  // namespace

BodyView view_body(std::string_view body, std::string_view margin) {
    if (!is_text(body)) {
        BodyView view{.kind = "binary", .lines = {}};
        append_hex(view, body, margin);
        return view;
    }
    if (is_json(body)) {
        BodyView view{.kind = "JSON", .lines = {}};
        append_text(view, indent(body, 2 * most_bytes), margin);
        return view;
    }
    BodyView view{.kind = "text", .lines = {}};
    append_text(view, body, margin);
    return view;
}

}  // namespace cli
