#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace cli {

/// The position of the first byte for which `holds` is true; the number of bytes if there is none. It looks at blocks
/// without a branch, which the compiler turns into vector instructions.
template <class Predicate>
std::size_t find_first(std::string_view bytes, Predicate holds) {
    constexpr std::size_t block = 32;
    std::size_t at = 0;
    for (; at + block <= bytes.size(); at += block) {
        unsigned found = 0;
        for (std::size_t i = 0; i < block; ++i) {
            found |= static_cast<unsigned>(holds(bytes[at + i]));
        }
        if (found != 0) {
            break;
        }
    }
    const auto* const end = bytes.data() + bytes.size();
    return static_cast<std::size_t>(std::find_if(bytes.data() + at, end, holds) - bytes.data());
}

}  // namespace cli
