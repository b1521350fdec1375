#include "filter.hpp"

#include "failure.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace receiving {
namespace {

rabbit::Delivery with(rabbit::Properties properties) {
    rabbit::Delivery delivery;
    delivery.address = {.exchange = "logs", .routing_key = "disk.full"};
    delivery.message.properties = std::make_shared<const rabbit::Properties>(std::move(properties));
    return delivery;
}

rabbit::Delivery with_header(rabbit::Value value) {
    return with({.headers = rabbit::Table{{"x", std::move(value)}}});
}

bool matches(const std::string& condition, const rabbit::Delivery& delivery) {
    return Filter({condition}).matches(delivery);
}

std::string refusal(const std::string& condition) {
    try {
        const Filter filter({condition});
    } catch (const cli::UsageError& error) {
        return error.what();
    }
    return {};
}

TEST(Filter, WithoutConditionsMatchesEverything) {
    EXPECT_TRUE(Filter({}).matches({}));
}

TEST(Filter, ComparesTheAddress) {
    EXPECT_TRUE(matches("routing_key=disk.*", with({})));
    EXPECT_FALSE(matches("routing_key=mem.*", with({})));
    EXPECT_TRUE(matches("exchange=logs", with({})));
}

TEST(Filter, ComparesProperties) {
    EXPECT_TRUE(matches("content_type=text/*", with({.content_type = "text/plain"})));
    EXPECT_TRUE(matches("priority=7", with({.priority = std::uint8_t{7}})));
    EXPECT_TRUE(matches("delivery_mode=2", with({.delivery_mode = std::uint8_t{2}})));
    EXPECT_TRUE(matches("timestamp=1700000000", with({.timestamp = rabbit::Timestamp{1700000000}})));
    EXPECT_FALSE(matches("type=a", with({.type = "b"})));
}

TEST(Filter, WhatAMessageDoesNotHaveMatchesNothing) {
    EXPECT_FALSE(matches("content_type=*", with({})));
    EXPECT_FALSE(matches("headers.x=*", with({})));
    EXPECT_FALSE(matches("headers.x=*", with({.headers = rabbit::Table{}})));
    EXPECT_FALSE(matches("message_id=*", {}));
}

TEST(Filter, ComparesHeadersOfEveryType) {
    using rabbit::Array;
    using rabbit::Table;
    const std::vector<std::pair<rabbit::Value, std::string>> cases{
        {{"text"}, "text"},
        {{rabbit::Bytes{"bytes"}}, "bytes"},
        {{true}, "true"},
        {{std::int8_t{-1}}, "-1"},
        {{std::uint8_t{200}}, "200"},
        {{std::int16_t{-300}}, "-300"},
        {{std::uint16_t{60000}}, "60000"},
        {{std::int32_t{-70000}}, "-70000"},
        {{std::uint32_t{4000000000}}, "4000000000"},
        {{std::int64_t{-1}}, "-1"},
        {{std::uint64_t{18446744073709551615U}}, "18446744073709551615"},
        {{0.5F}, "0.5"},
        {{0.1}, "0.1"},
        {{rabbit::Decimal{2, 1234}}, "12.34"},
        {{rabbit::Decimal{3, 5}}, "0.005"},
        {{rabbit::Decimal{0, 5}}, "5"},
        {{rabbit::Timestamp{1700000000}}, "1700000000"},
        {{Array{{"a"}, {std::int64_t{1}}}}, "\\[\"a\",1\\]"},
        {{Table{{"k", {"v"}}}}, R"({"k":"v"})"},
        {{std::monostate()}, "null"},
    };
    for (const auto& [value, text] : cases) {
        EXPECT_TRUE(matches("headers.x=" + text, with_header(value))) << text;
        EXPECT_FALSE(matches("headers.x=" + text + "?", with_header(value))) << text;
        EXPECT_FALSE(matches("headers.y=" + text, with_header(value))) << text;
    }
}

TEST(Filter, OfSeveralHeadersOfANameOneHasToMatch) {
    const auto delivery = with({.headers = rabbit::Table{{"x", {"a"}}, {"x", {"b"}}}});
    EXPECT_TRUE(matches("headers.x=b", delivery));
    EXPECT_FALSE(matches("headers.x=c", delivery));
}

TEST(Filter, AHeadersNameMayHoldDots) {
    EXPECT_TRUE(matches("headers.a.b=1", with({.headers = rabbit::Table{{"a.b", {"1"}}}})));
}

TEST(Filter, AllConditionsHaveToHold) {
    const auto delivery = with({.content_type = "text/plain"});
    EXPECT_TRUE(Filter({"content_type=text/plain", "exchange=logs"}).matches(delivery));
    EXPECT_FALSE(Filter({"content_type=text/plain", "exchange=other"}).matches(delivery));
}

TEST(Filter, TheGlobMayHoldEqualsSigns) {
    EXPECT_TRUE(matches("type=a=b", with({.type = "a=b"})));
}

TEST(Filter, OfAnUnreadableMessageOnlyTheAddressMatches) {
    auto delivery = with({});
    delivery.message = {.body = "", .properties = {}, .unreadable = "malformed"};
    EXPECT_TRUE(matches("exchange=logs", delivery));
    EXPECT_FALSE(matches("headers.x=*", delivery));
}

TEST(Filter, SaysWhatIsWrong) {
    EXPECT_EQ(refusal("type"), "--where 'type': expected NAME=GLOB");
    EXPECT_EQ(refusal("type=[a"), "--where 'type=[a': a [ has no ]; for the bracket itself write \\[");
    EXPECT_EQ(
        refusal("kind=a").find("--where 'kind=a': there is no 'kind'; known are routing_key, exchange, headers.N"), 0U);
    EXPECT_NE(refusal("headers=a"), "");
    EXPECT_NE(refusal("headers.=a"), "");
}

}  // namespace
}  // namespace receiving
