#include "repr.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cli {
namespace {

/// Python quotes with ' unless the text has that quote and not the other one.
char quote_for(std::string_view text) {
    const bool single = text.find('\'') != std::string_view::npos;
    const bool both = single && text.find('"') != std::string_view::npos;
    return single && !both ? '"' : '\'';
}

void append_byte(std::string& to, char byte, char quote) {
    switch (byte) {
        case '\t': to += "\\t"; return;
        case '\n': to += "\\n"; return;
        case '\r': to += "\\r"; return;
        case '\\': to += "\\\\"; return;
        default: break;
    }
    if (byte == quote) {
        to += '\\';
        to += byte;
    } else if (byte < ' ' || byte > '~') {
        constexpr std::string_view digits = "0123456789abcdef";
        const auto value = static_cast<unsigned char>(byte);
        to += {'\\', 'x', digits[value / 16], digits[value % 16]};
    } else {
        to += byte;
    }
}

void append_escaped(std::string& to, std::string_view text) {
    // fmt's debug format escapes what Python's repr does and in the same form, but stands in " and escapes those too.
    const auto debug = fmt::format("{:?}", text);
    for (std::size_t at = 1; at + 1 < debug.size(); ++at) {
        if (debug[at] != '\\') {
            to += debug[at];
            continue;
        }
        if (debug[at + 1] != '"') {
            to += '\\';
        }
        to += debug[++at];
    }
}

}  // namespace

std::string repr_bytes(std::string_view bytes) {
    std::string result;
    result.reserve(bytes.size() + 3);
    append_repr_bytes(result, bytes, [] {});
    return result;
}

void append_repr_bytes(std::string& to, std::string_view bytes, const MakeRoom& make_room) {
    const char quote = quote_for(bytes);
    to += 'b';
    to += quote;
    in_pieces(bytes, cut_anywhere, make_room, [&to, quote](std::string_view piece) {
        for (const char byte : piece) {
            append_byte(to, byte, quote);
        }
    });
    to += quote;
}

std::string repr_text(std::string_view text) {
    const char quote = quote_for(text);
    std::string result(1, quote);
    for (const char byte : escape_text(text)) {
        if (byte == quote) {
            result += '\\';
        }
        result += byte;
    }
    result += quote;
    return result;
}

std::string escape_text(std::string_view text) {
    std::string result;
    append_escaped(result, text);
    return result;
}

void append_escaped_text(std::string& to, std::string_view text, const MakeRoom& make_room) {
    in_pieces(text, cut_utf8, make_room, [&to](std::string_view piece) { append_escaped(to, piece); });
}

std::string printable(std::string_view text) {
    std::string result;
    for (;;) {
        const auto backslash = std::min(text.find('\\'), text.size());
        result += escape_text(text.substr(0, backslash));
        if (backslash == text.size()) {
            return result;
        }
        result += '\\';
        text.remove_prefix(backslash + 1);
    }
}

}  // namespace cli
