#pragma once

#include <string_view>
#include <vector>

namespace receiving {

/// A pattern that a whole text matches or not:
///
///   *       any text, also none
///   ?       one character
///   [ab]    one of these characters; [a-z] one of a range, [!a] any other. A ] that comes first, and a - that comes
///           first or last, stand for themselves.
///   \       the next character stands for itself, in a set too
///
/// Anything else stands for itself, and case counts. A character is one of UTF-8; a byte that belongs to none counts
/// as a character of its own.
class Glob {
public:
    /// Throws std::invalid_argument with a text that says what is wrong.
    explicit Glob(std::string_view pattern);

    /// Takes time in proportion to the length of the text times that of the pattern, at worst.
    [[nodiscard]] bool matches(std::string_view text) const noexcept;

private:
    class Parser;

    struct Range {
        char32_t first;
        char32_t last;
    };

    /// Any text, or else one character that is in the set, or with `negated` one that is not.
    struct Item {
        bool any_text = false;
        bool negated = false;
        std::vector<Range> set = {};

        [[nodiscard]] bool holds(char32_t character) const noexcept;
    };

    std::vector<Item> items_;
};

}  // namespace receiving
