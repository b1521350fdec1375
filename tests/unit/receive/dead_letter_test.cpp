#include "dead_letter.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

namespace receiving {
namespace {

using rabbit::Array;
using rabbit::Table;

rabbit::Message with(rabbit::Value x_death) {
    return {.properties = std::make_shared<const rabbit::Properties>(
                rabbit::Properties{.headers = Table{{"x-death", std::move(x_death)}}})};
}

rabbit::Value death(const char* exchange, Array keys) {
    return {Table{{"reason", {"rejected"}}, {"exchange", {exchange}}, {"routing-keys", {std::move(keys)}}}};
}

TEST(OriginOf, IsThatOfTheFirstEntry) {
    const auto origin = origin_of(with({Array{death("late", {{"k2"}, {"cc"}}), death("early", {{"k1"}})}}));
    ASSERT_TRUE(origin);
    EXPECT_EQ(*origin, (rabbit::Address{.exchange = "late", .routing_key = "k2"}));
}

TEST(OriginOf, MayBeTheDefaultExchange) {
    EXPECT_EQ(origin_of(with({Array{death("", {{"work"}})}})),
              (rabbit::Address{.exchange = "", .routing_key = "work"}));
}

TEST(OriginOf, IsEmptyWithoutAHeaderAsRabbitMqMakesIt) {
    EXPECT_FALSE(origin_of({}));
    EXPECT_FALSE(origin_of(with({"text"})));
    EXPECT_FALSE(origin_of(with({Array{}})));
    EXPECT_FALSE(origin_of(with({Array{{"text"}}})));
    EXPECT_FALSE(origin_of(with({Array{death("e", {})}})));
    EXPECT_FALSE(origin_of(with({Array{{Table{{"routing-keys", {Array{{"k"}}}}}}}})));
}

}  // namespace
}  // namespace receiving
