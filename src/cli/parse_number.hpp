#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace cli {

/// The number that the whole of `text` is; empty if it is anything else, blanks around it or a number that does not
/// fit the type included.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
    Number number{};
    const auto* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && stopped == end ? std::optional(number) : std::nullopt;
}

/// The same within bounds, both included.
template <class Number>
std::optional<Number> parse_number(std::string_view text, Number least, Number most) {
    const auto number = parse_number<Number>(text);
    return number && *number >= least && *number <= most ? number : std::nullopt;
}

}  // namespace cli
