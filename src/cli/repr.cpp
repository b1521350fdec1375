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
        fmt::format_to(std::back_inserter(to), "\\x{:02x}", static_cast<unsigned char>(byte));
    } else {
        to += byte;
    }
}

}  // namespace

std::string repr_bytes(std::string_view bytes) {
    const char quote = quote_for(bytes);
    std::string result;
    result.reserve(bytes.size() + 3);
    result += 'b';
    result += quote;
    for (const char byte : bytes) {
        append_byte(result, byte, quote);
    }
    result += quote;
    return result;
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
    // fmt's debug format escapes what Python's repr does and in the same form, but stands in " and escapes those too.
    const auto debug = fmt::format("{:?}", text);
    std::string result;
    result.reserve(debug.size());
    for (std::size_t at = 1; at + 1 < debug.size(); ++at) {
        if (debug[at] != '\\') {
            result += debug[at];
            continue;
        }
        if (debug[at + 1] != '"') {
            result += '\\';
        }
        result += debug[++at];
    }
    return result;
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
