#include "filter.hpp"

#include "failure.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using rabbit::Properties;
using rabbit::Table;
using rabbit::Value;
using receiving::Filter;
using Conditions = std::vector<std::string>;

rabbit::Delivery with(Properties properties) {
    rabbit::Delivery delivery;
    delivery.address = {"logs", "order.created"};
    delivery.message.properties = std::make_shared<const Properties>(std::move(properties));
    return delivery;
}

rabbit::Delivery with_headers(Table headers) {
    return with({.headers = std::move(headers)});
}

bool matches(const Conditions& conditions, const rabbit::Delivery& delivery) {
    return Filter(conditions).matches(delivery);
}

/// A header of this value is compared as this text.
testing::AssertionResult is_text(const Value& value, const std::string& text) {
    std::string glob;
    for (const char c : text) {
        glob += '\\';
        glob += c;
    }
    return matches({"headers.x=" + glob}, with_headers({{"x", value}})) ? testing::AssertionSuccess()
                                                                        : testing::AssertionFailure() << text;
}

std::string refusal_of_condition(const std::string& condition) {
    try {
        const Filter filter(Conditions{condition});
    } catch (const cli::UsageError& error) {
        return error.what();
    }
    return "taken";
}

TEST(Filter, WithoutConditionsLetsEverythingThrough) {
    EXPECT_TRUE(Filter().empty());
    EXPECT_TRUE(Filter().matches(with({})));
    EXPECT_TRUE(Filter(Conditions()).empty());
    EXPECT_FALSE(Filter(Conditions{"type=a"}).empty());
}

TEST(Filter, LooksAtTheRoutingKeyAndTheExchange) {
    EXPECT_TRUE(matches({"routing_key=order.*"}, with({})));
    EXPECT_FALSE(matches({"routing_key=logs"}, with({})));
    EXPECT_TRUE(matches({"exchange=logs"}, with({})));
    EXPECT_FALSE(matches({"exchange="}, with({})));
    EXPECT_TRUE(matches({"exchange="}, rabbit::Delivery())) << "the default exchange";
}

TEST(Filter, LooksAtEveryProperty) {
    const auto delivery = with({.content_type = "text/plain",
                                .content_encoding = "gzip",
                                .delivery_mode = std::uint8_t{2},
                                .priority = std::uint8_t{9},
                                .correlation_id = "c",
                                .reply_to = "amq.reply",
                                .expiration = "60000",
                                .message_id = "m",
                                .timestamp = rabbit::Timestamp{1700000000},
                                .type = "created",
                                .user_id = "guest",
                                .app_id = "shop",
                                .cluster_id = "k"});
    for (const auto* condition :
         {"content_type=text/pl*n", "content_encoding=gzip", "delivery_mode=2", "priority=[5-9]", "correlation_id=c",
          "reply_to=amq.*y", "expiration=?????", "message_id=m", "timestamp=17*0", "type=created", "user_id=guest",
          "app_id=shop", "cluster_id=k"}) {
        EXPECT_TRUE(matches({condition}, delivery)) << condition;
        EXPECT_FALSE(matches({condition}, with({}))) << condition;
        EXPECT_FALSE(matches({condition + std::string("x")}, delivery)) << condition;
    }
}

TEST(Filter, WantsEveryConditionToHold) {
    const auto delivery = with({.type = "created", .app_id = "shop"});
    EXPECT_TRUE(matches({"type=created", "app_id=shop", "routing_key=*"}, delivery));
    EXPECT_FALSE(matches({"type=created", "app_id=bank", "routing_key=*"}, delivery));
    EXPECT_FALSE(matches({"type=c*", "type=*x"}, delivery));
}

TEST(Filter, FindsNothingInWhatTheMessageDoesNotHave) {
    for (const auto* condition : {"type=*", "type=", "priority=*", "headers.x=*", "headers.x="}) {
        EXPECT_FALSE(matches({condition}, with({}))) << condition;
        EXPECT_FALSE(matches({condition}, rabbit::Delivery())) << condition;
    }
    EXPECT_FALSE(matches({"headers.x=*"}, with_headers({{"y", {"a"}}})));
}

TEST(Filter, TakesAnEmptyTextForWhatItIs) {
    EXPECT_TRUE(matches({"type="}, with({.type = ""})));
    EXPECT_TRUE(matches({"type=*"}, with({.type = ""})));
}

TEST(Filter, KnowsAnUnreadableMessageByItsAddressAlone) {
    rabbit::Delivery delivery;
    delivery.address = {"logs", "order.created"};
    delivery.message.unreadable = "malformed";
    EXPECT_TRUE(matches({"routing_key=order.*", "exchange=logs"}, delivery));
    EXPECT_FALSE(matches({"routing_key=order.*", "type=*"}, delivery));
    EXPECT_FALSE(matches({"headers.x=*"}, delivery));
}

TEST(Filter, TakesTheWholeNameOfAHeader) {
    const auto delivery = with_headers({{"a.b c*", {"1"}}, {"headers.x", {"2"}}, {"routing_key", {"3"}}});
    EXPECT_TRUE(matches({"headers.a.b c*=1"}, delivery));
    EXPECT_FALSE(matches({"headers.a=1"}, delivery));
    EXPECT_FALSE(matches({"headers.A.b c*=1"}, delivery));
    EXPECT_TRUE(matches({"headers.headers.x=2"}, delivery));
    EXPECT_TRUE(matches({"headers.routing_key=3"}, delivery));
}

TEST(Filter, EndsTheNameAtTheFirstEqualsSign) {
    EXPECT_TRUE(matches({"headers.x=a=b"}, with_headers({{"x", {"a=b"}}})));
    EXPECT_FALSE(matches({"headers.x=a=b"}, with_headers({{"x=a", {"b"}}})));
}

TEST(Filter, IsContentWithOneOfSeveralHeadersOfAName) {
    const auto delivery = with_headers({{"x", {"a"}}, {"y", {"c"}}, {"x", {"b"}}});
    EXPECT_TRUE(matches({"headers.x=a"}, delivery));
    EXPECT_TRUE(matches({"headers.x=b"}, delivery));
    EXPECT_TRUE(matches({"headers.x=a", "headers.x=b"}, delivery));
    EXPECT_FALSE(matches({"headers.x=c"}, delivery));
}

TEST(Filter, ComparesStringsAndByteArraysAsTheyAre) {
    EXPECT_TRUE(is_text({"a \"b\"\n"}, "a \"b\"\n"));
    EXPECT_TRUE(is_text({rabbit::Bytes{"\xFF\x01"}}, "\xFF\x01"));
    EXPECT_TRUE(is_text({std::string("a\0b", 3)}, std::string("a\0b", 3)));
}

TEST(Filter, ComparesWholeNumbersInDecimal) {
    EXPECT_TRUE(is_text({std::int8_t{-128}}, "-128"));
    EXPECT_TRUE(is_text({std::uint8_t{65}}, "65"));
    EXPECT_TRUE(is_text({std::int16_t{-32768}}, "-32768"));
    EXPECT_TRUE(is_text({std::uint16_t{65535}}, "65535"));
    EXPECT_TRUE(is_text({std::int32_t{-1}}, "-1"));
    EXPECT_TRUE(is_text({std::uint32_t{4294967295}}, "4294967295"));
    EXPECT_TRUE(is_text({std::numeric_limits<std::int64_t>::min()}, "-9223372036854775808"));
    EXPECT_TRUE(is_text({std::numeric_limits<std::uint64_t>::max()}, "18446744073709551615"));
}

TEST(Filter, ComparesFloatsInTheShortestFormThatReadsBack) {
    EXPECT_TRUE(is_text({0.1F}, "0.1"));
    EXPECT_TRUE(is_text({0.1}, "0.1"));
    EXPECT_TRUE(is_text({-2.5}, "-2.5"));
    EXPECT_TRUE(is_text({1.0}, "1"));
    EXPECT_TRUE(is_text({1e300}, "1e+300"));
    EXPECT_TRUE(is_text({std::numeric_limits<double>::infinity()}, "inf"));
}

TEST(Filter, ComparesBooleansAsTrueAndFalse) {
    EXPECT_TRUE(is_text({true}, "true"));
    EXPECT_TRUE(is_text({false}, "false"));
}

TEST(Filter, ComparesTimestampsAsSeconds) {
    EXPECT_TRUE(is_text({rabbit::Timestamp{1700000000}}, "1700000000"));
}

TEST(Filter, ComparesDecimalsAsDecimalText) {
    EXPECT_TRUE(is_text({rabbit::Decimal{2, 1234}}, "12.34"));
    EXPECT_TRUE(is_text({rabbit::Decimal{2, 5}}, "0.05"));
    EXPECT_TRUE(is_text({rabbit::Decimal{2, 1200}}, "12.00"));
    EXPECT_TRUE(is_text({rabbit::Decimal{0, 12}}, "12"));
    EXPECT_TRUE(is_text({rabbit::Decimal{255, 1}}, "0." + std::string(254, '0') + "1"));
}

TEST(Filter, ComparesVoidAsNull) {
    EXPECT_TRUE(is_text({std::monostate()}, "null"));
}

TEST(Filter, ComparesArraysAndTablesAsJson) {
    EXPECT_TRUE(is_text({rabbit::Array{{std::int64_t{1}}, {"a"}}}, R"([1,"a"])"));
    EXPECT_TRUE(is_text({Table{{"k", {true}}}}, R"({"k":true})"));
    EXPECT_TRUE(is_text({rabbit::Array{{std::string("\xFF")}}}, R"([{"!string":"/w=="}])"));
}

TEST(Filter, RefusesAConditionWithoutEqualsSign) {
    EXPECT_EQ(refusal_of_condition("type"), "--where 'type': expected NAME=GLOB");
    EXPECT_EQ(refusal_of_condition(""), "--where '': expected NAME=GLOB");
}

TEST(Filter, RefusesAnUnknownNameAndNamesTheKnownOnes) {
    EXPECT_EQ(refusal_of_condition("kind=a"),
              "--where 'kind=a': there is no field 'kind'; known are routing_key, exchange, content_type, "
              "content_encoding, delivery_mode, priority, correlation_id, reply_to, expiration, message_id, timestamp, "
              "type, user_id, app_id, cluster_id and headers.X for the header X");
    for (const auto* condition : {"=a", "Type=a", "type =a", "header.x=a"}) {
        EXPECT_NE(refusal_of_condition(condition).find("there is no field"), std::string::npos) << condition;
    }
}

TEST(Filter, RefusesHeadersWithoutAName) {
    for (const auto* condition : {"headers=a", "headers.=a"}) {
        EXPECT_NE(refusal_of_condition(condition).find("which header? Write headers.X"), std::string::npos)
            << condition;
    }
}

TEST(Filter, RefusesAMalformedGlob) {
    EXPECT_EQ(refusal_of_condition("type=[a"), R"(--where 'type=[a': a [ has no ]; \[ stands for the bracket)");
    EXPECT_NE(refusal_of_condition("type=a\\").find("nothing follows the \\"), std::string::npos);
}

}  // namespace
