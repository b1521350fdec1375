#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cli {

/// The position of the first byte for which `holds` is true; the number of bytes if there is none. It looks at blocks
/// without a branch, which the compiler turns into vector instructions.
template <class Predicate>
std::size_t find_first(std::string_view bytes, Predicate holds) {
    using Word = std::uint64_t;
    constexpr std::size_t block = 32;
    std::size_t at = 0;
    for (; at + block <= bytes.size(); at += block) {
        std::array<std::uint8_t, block> found{};
        for (std::size_t i = 0; i < block; ++i) {
            found[i] = static_cast<std::uint8_t>(holds(bytes[at + i]));
        }
        const auto words = std::bit_cast<std::array<Word, block / sizeof(Word)>>(found);
        for (std::size_t i = 0; i < words.size(); ++i) {
            if (words[i] != 0) {
                constexpr bool first_is_lowest = std::endian::native == std::endian::little;
                const auto bit = first_is_lowest ? std::countr_zero(words[i]) : std::countl_zero(words[i]);
                return at + i * sizeof(Word) + static_cast<std::size_t>(bit) / 8;
            }
        }
    }
    const auto* const end = bytes.data() + bytes.size();
    return static_cast<std::size_t>(std::find_if(bytes.data() + at, end, holds) - bytes.data());
}

}  // namespace cli
