#include "parse_number.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <optional>

namespace {

using cli::parse_number;

TEST(ParseNumber, TakesTheWholeText) {
    EXPECT_EQ(parse_number<int>("0"), 0);
    EXPECT_EQ(parse_number<int>("-12"), -12);
    EXPECT_EQ(parse_number<double>("1.5"), 1.5);
    EXPECT_EQ(parse_number<double>("1e3"), 1000);
}

TEST(ParseNumber, TakesNothingElse) {
    for (const auto* text : {"", " ", "one", "1x", " 1", "1 ", "+1", "1.5", "0x10", "1,000"}) {
        EXPECT_EQ(parse_number<int>(text), std::nullopt) << text;
    }
    for (const auto* text : {"", "1.5.", "1,5", "5s"}) {
        EXPECT_EQ(parse_number<double>(text), std::nullopt) << text;
    }
}

TEST(ParseNumber, TakesWhatFitsTheType) {
    EXPECT_EQ(parse_number<std::int64_t>("9223372036854775807"), INT64_MAX);
    EXPECT_EQ(parse_number<std::int64_t>("9223372036854775808"), std::nullopt);
    EXPECT_EQ(parse_number<std::uint8_t>("255"), 255);
    EXPECT_EQ(parse_number<std::uint8_t>("256"), std::nullopt);
    EXPECT_EQ(parse_number<std::uint64_t>("-1"), std::nullopt);
}

TEST(ParseNumber, IncludesBothBounds) {
    EXPECT_EQ(parse_number<int>("1", 1, 3), 1);
    EXPECT_EQ(parse_number<int>("3", 1, 3), 3);
    EXPECT_EQ(parse_number<int>("0", 1, 3), std::nullopt);
    EXPECT_EQ(parse_number<int>("4", 1, 3), std::nullopt);
}

TEST(ParseNumber, CountsNotANumberAsOutOfBounds) {
    EXPECT_TRUE(std::isnan(*parse_number<double>("nan")));
    EXPECT_EQ(parse_number<double>("nan", 0, 1), std::nullopt);
    EXPECT_EQ(parse_number<double>("inf", 0, 1e9), std::nullopt);
}

}  // namespace
