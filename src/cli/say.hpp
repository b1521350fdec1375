#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <utility>

namespace cli {

/// Prints on standard error. That nobody can read it changes nothing of what a program does.
template <class... Arguments>
void say(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    const auto text = fmt::format(format, std::forward<Arguments>(arguments)...);
    static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
}

}  // namespace cli
