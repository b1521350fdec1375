#pragma once

#include <charconv>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace bench {

inline std::size_t to_number(std::string_view text) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
        throw std::invalid_argument("not a number: " + std::string(text));
    }
    return value;
}

/// What main returns: calls `act` with exactly `count` arguments, and reports what goes wrong.
template <typename Act>
int run(const char* usage, int argc, char** argv, int count, Act act) {
    if (argc != count + 1) {
        std::fprintf(stderr, "%s\n", usage);
        return 64;
    }
    try {
        act(std::vector<std::string_view>(argv + 1, argv + argc));
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
        return 1;
    }
}

}  // namespace bench
