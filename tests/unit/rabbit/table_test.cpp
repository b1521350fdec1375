#include "rabbit/table.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace {

using rabbit::Array;
using rabbit::Table;
using rabbit::Value;

TEST(ValueEquality, IsThatOfTypeAndContent) {
    EXPECT_EQ(Value{std::int32_t{1}}, Value{std::int32_t{1}});
    EXPECT_NE(Value{std::int32_t{1}}, Value{std::int32_t{2}});
    EXPECT_NE(Value{std::int32_t{1}}, Value{std::int64_t{1}});
    EXPECT_NE(Value{1.0F}, Value{1.0});
    EXPECT_NE(Value{std::string("a")}, Value{rabbit::Bytes{"a"}});
    EXPECT_EQ(Value{std::monostate()}, Value{std::monostate()});
    EXPECT_NE((Value{rabbit::Decimal{1, 2}}), (Value{rabbit::Decimal{2, 2}}));
    EXPECT_NE(Value{rabbit::Timestamp{1}}, Value{rabbit::Timestamp{2}});
}

TEST(ValueEquality, OfNumbersIsThatOfTheirBytes) {
    constexpr auto nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(Value{nan}, Value{nan});
    EXPECT_NE(Value{nan}, Value{-nan});
    EXPECT_NE(Value{0.0}, Value{-0.0});
    EXPECT_EQ(Value{static_cast<float>(nan)}, Value{static_cast<float>(nan)});
    EXPECT_NE(Value{0.0F}, Value{-0.0F});
}

TEST(ValueEquality, GoesDownIntoArraysAndTables) {
    const auto nested = [](double number) {
        return Table{{"outer", {Table{{"inner", {Array{{std::monostate()}, {number}}}}}}}};
    };
    EXPECT_EQ(nested(1.5), nested(1.5));
    EXPECT_NE(nested(0.0), nested(-0.0));
    const rabbit::Field a{"a", {true}};
    const rabbit::Field b{"b", {true}};
    EXPECT_NE((Table{a}), (Table{b}));
    EXPECT_NE((Table{a, b}), (Table{b, a}));
    EXPECT_NE((Table{a, b}), (Table{a}));
}

}  // namespace
