#include "find_first.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

bool is_x(char c) {
    return c == 'x';
}

TEST(FindFirst, IsTheSizeWhereNothingIsFound) {
    for (std::size_t size = 0; size < 100; ++size) {
        EXPECT_EQ(cli::find_first(std::string(size, '.'), is_x), size);
    }
}

TEST(FindFirst, FindsTheFirstOfSeveralAnywhere) {
    for (std::size_t size = 1; size < 100; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            std::string text(size, '.');
            text[at] = text.back() = 'x';
            EXPECT_EQ(cli::find_first(text, is_x), at) << "of " << size;
        }
    }
}

}  // namespace
