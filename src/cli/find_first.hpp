#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cli {

/// The position of the first of `size` bytes for which `holds` is true; `size` if there is none. It looks at all of them
/// without a branch, which the compiler turns into vector instructions.
template <std::size_t size, class Predicate>
std::size_t find_first_in_block(const char* bytes, Predicate holds) {
    using Word = std::uint64_t;
    std::array<std::uint8_t, size> found{};
    for (std::size_t i = 0; i < size; ++i) {
        found[i] = static_cast<std::uint8_t>(holds(bytes[i]));
    }
    const auto words = std::bit_cast<std::array<Word, size / sizeof(Word)>>(found);
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] != 0) {
            constexpr bool first_is_lowest = std::endian::native == std::endian::little;
            const auto bit = first_is_lowest ? std::countr_zero(words[i]) : std::countl_zero(words[i]);
            return i * sizeof(Word) + static_cast<std::size_t>(bit) / 8;
        }
    }
    return size;
}

/// The position of the first byte for which `holds` is true; the number of bytes if there is none.
template <class Predicate>
std::size_t find_first(std::string_view bytes, Predicate holds) {
    constexpr std::size_t block = 32;
    constexpr std::size_t small_block = 8;
    std::size_t at = 0;
    for (; at + block <= bytes.size(); at += block) {
        if (const auto found = find_first_in_block<block>(bytes.data() + at, holds); found < block) {
            return at + found;
        }
    }
    for (; at + small_block <= bytes.size(); at += small_block) {
        if (const auto found = find_first_in_block<small_block>(bytes.data() + at, holds); found < small_block) {
            return at + found;
        }
    }
    if (bytes.size() >= small_block) {  // the last 8 bytes, although some of them have been looked at
        at = bytes.size() - small_block;
        return at + find_first_in_block<small_block>(bytes.data() + at, holds);
    }
    return static_cast<std::size_t>(std::find_if(bytes.begin(), bytes.end(), holds) - bytes.begin());
}

}  // namespace cli
