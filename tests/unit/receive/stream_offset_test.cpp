#include "stream_offset.hpp"

#include "failure.hpp"

#include <gtest/gtest.h>

namespace {

using receiving::parse_offset;

TEST(StreamOffset, IsAPlaceATimeOrAnAge) {
    for (const auto* text : {"first", "last", "next", "10m", "1h", "7D", "2Y", "30s", "1M"}) {
        EXPECT_EQ(parse_offset(text), rabbit::Value{text}) << text;
    }
    EXPECT_EQ(parse_offset("0"), rabbit::Value{std::int64_t{0}});
    EXPECT_EQ(parse_offset("9223372036854775807"), rabbit::Value{std::int64_t{9223372036854775807}});
    EXPECT_EQ(parse_offset("@1700000000"), rabbit::Value{rabbit::Timestamp{1700000000}});
    EXPECT_EQ(parse_offset("2026-01-31T12:00:00Z"), rabbit::Value{rabbit::Timestamp{1769860800}});
}

TEST(StreamOffset, IsNothingElse) {
    for (const auto* text : {"m", "10x", "-1", "1.5h", " 10m", "10 m", "10mm", "99999999999h", "@", "@-1", "2026-01-31",
                             "9223372036854775808", "First"}) {
        EXPECT_THROW(parse_offset(text), cli::UsageError) << text;
    }
}

}  // namespace
