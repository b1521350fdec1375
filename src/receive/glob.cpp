#include "glob.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <stdexcept>

namespace receiving {
namespace {

/// Added to a byte that is not part of a UTF-8 character. No such character has a number as high.
constexpr char32_t stray = 0x110000;

/// Takes the first character off a text that is not empty.
char32_t take_character(std::string_view& text) noexcept {
    static constexpr char32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};  // by length: no character is longer than needed
    const auto byte = static_cast<unsigned char>(text.front());
    const auto length = static_cast<std::size_t>(std::countl_one(byte));
    if (length >= 2 && length <= 4 && length <= text.size()) {
        char32_t character = byte & (0xFFU >> length);
        bool valid = true;
        for (const char each : text.substr(1, length - 1)) {
            valid = valid && (static_cast<unsigned char>(each) & 0xC0U) == 0x80;
            character = character << 6U | (static_cast<unsigned char>(each) & 0x3FU);
        }
        const bool surrogate = character >= 0xD800 && character <= 0xDFFF;
        if (valid && !surrogate && character >= lowest[length] && character < stray) {
            text.remove_prefix(length);
            return character;
        }
    }
    text.remove_prefix(1);
    return length == 0 ? byte : stray + byte;
}

}  // namespace

/// Takes a pattern apart.
class Glob::Parser {
public:
    explicit Parser(std::string_view pattern) : rest_(pattern) {}

    [[nodiscard]] bool at_end() const { return rest_.empty(); }

    Item take_item() {
        if (skip('*')) {
            return {.any_text = true};
        }
        if (skip('?')) {
            return {.negated = true};
        }
        if (skip('[')) {
            return take_set();
        }
        const auto character = take_literal();
        return {.set = {{character, character}}};
    }

private:
    bool skip(char c) {
        const bool there = rest_.starts_with(c);
        rest_.remove_prefix(there ? 1 : 0);
        return there;
    }

    char32_t take_literal() {
        if (skip('\\') && rest_.empty()) {
            throw std::invalid_argument(R"(nothing follows the \ at the end; \\ stands for a backslash)");
        }
        return take_character(rest_);
    }

    char32_t take_member() {
        if (rest_.empty()) {
            throw std::invalid_argument(R"(a [ has no ]; \[ stands for the bracket)");
        }
        return take_literal();
    }

    Range take_range() {
        const auto first = take_member();
        if (rest_.size() < 2 || rest_[0] != '-' || rest_[1] == ']') {
            return {first, first};
        }
        skip('-');
        const auto last = take_member();
        if (last < first) {
            throw std::invalid_argument("a range in [] ends before it begins; write it as a-z");
        }
        return {first, last};
    }

    Item take_set() {
        Item item{.negated = skip('!')};
        if (!item.negated && rest_.starts_with('^')) {  // shells differ in what it means
            throw std::invalid_argument(R"(a set begins with ^; [!a] is any character but a, and \^ stands for a ^)");
        }
        do {
            item.set.push_back(take_range());
        } while (!skip(']'));
        return item;
    }

    std::string_view rest_;
};

bool Glob::Item::holds(char32_t character) const noexcept {
    return negated != std::any_of(set.begin(), set.end(), [character](const Range& range) {
               return range.first <= character && character <= range.last;
           });
}

Glob::Glob(std::string_view pattern) {
    Parser parser(pattern);
    while (!parser.at_end()) {
        items_.push_back(parser.take_item());
    }
}

bool Glob::matches(std::string_view text) const noexcept {
    // The first place that fits is as good as any for what stands between two *, so only the last * is ever tried
    // again.
    auto item = items_.begin();
    auto after_star = items_.end();  // there has been no * yet
    std::string_view after_its_text;
    while (!text.empty()) {
        if (item != items_.end() && item->any_text) {
            if (++item == items_.end()) {
                return true;
            }
            after_star = item;
            after_its_text = text;
            continue;
        }
        auto rest = text;
        if (const auto character = take_character(rest); item != items_.end() && item->holds(character)) {
            ++item;
            text = rest;
            continue;
        }
        if (after_star == items_.end()) {
            return false;
        }
        take_character(after_its_text);
        item = after_star;
        text = after_its_text;
    }
    return std::all_of(item, items_.end(), [](const Item& each) { return each.any_text; });
}

}  // namespace receiving
