#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace cli {

/// Prints a text on standard error. Nothing depends on whether it can be read: a reader that pauses is waited for at
/// most a second, and then misses the text.
void say_text(std::string_view text);

/// The same for a format and its arguments.
template <class... Arguments>
void say(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    say_text(fmt::format(format, std::forward<Arguments>(arguments)...));
}

}  // namespace cli
