#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>

// What no text for people may hold, for unit tests and fuzzer.

/// Moves the cursor, changes how a terminal behaves, or hides or reorders text: controls, separators, and what Unicode
/// calls default ignorable or bidirectional formatting (but variation selectors and joiners of marks, which change
/// one glyph).
inline bool is_dangerous(char32_t c) {
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0xAD || c == 0x61C || c == 0x180E ||
           (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
           c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F) ||
           (c >= 0xD800 && c <= 0xDFFF);
}

/// The code points of what ought to be UTF-8; throws if it is not.
inline std::u32string decoded(const std::string& text) {
    std::u32string result;
    for (std::size_t at = 0; at < text.size();) {
        const auto lead = static_cast<unsigned char>(text[at]);
        const std::size_t size = lead < 0x80 ? 1 : lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        if (size == 0 || at + size > text.size()) {
            throw std::invalid_argument("no UTF-8");
        }
        char32_t c = size == 1 ? lead : lead & (0xFFU >> (size + 1));
        for (std::size_t i = 1; i < size; ++i) {
            c = (c << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
        }
        result += c;
        at += size;
    }
    return result;
}

/// A text that may go to a terminal; newlines are its lines' ends.
inline bool is_safe(const std::string& shown) {
    const auto all = decoded(shown);
    return std::none_of(all.begin(), all.end(), [](char32_t c) { return c != '\n' && is_dangerous(c); });
}
