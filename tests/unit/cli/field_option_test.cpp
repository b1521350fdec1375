#include "field_option.hpp"

#include "failure.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace {

using cli::parse_argument;
using cli::parse_header;
using rabbit::Value;

std::string refusal_of_field(const std::string& text) {
    try {
        parse_header("--header", text);
    } catch (const cli::UsageError& error) {
        return error.what();
    }
    return "taken";
}

TEST(FieldOption, IsAStringWithoutAType) {
    const auto field = parse_header("--header", "k=1");
    EXPECT_EQ(field.name, "k");
    EXPECT_EQ(field.value, Value{std::string("1")});
}

TEST(FieldOption, HasEveryTypeThatIsNamed) {
    EXPECT_EQ(parse_header("", "k:string=true").value, Value{std::string("true")});
    EXPECT_EQ(parse_header("", "k:int=-7").value, Value{std::int64_t{-7}});
    EXPECT_EQ(parse_header("", "k:float=1.5").value, Value{1.5});
    EXPECT_EQ(parse_header("", "k:bool=false").value, Value{false});
    EXPECT_EQ(parse_header("", "k:timestamp=1700000000").value, Value{rabbit::Timestamp{1700000000}});
    EXPECT_EQ(parse_header("", "k:json=null").value, Value{});
}

TEST(FieldOption, EndsTheKeyAtTheFirstEqualsSignAndTheLastColonBeforeIt) {
    EXPECT_EQ(parse_header("", "k=a=b:c").value, Value{std::string("a=b:c")});
    EXPECT_EQ(parse_header("", "a:b:int=1").name, "a:b");
}

TEST(FieldOption, GuessesTheTypeOfAnArgument) {
    EXPECT_EQ(parse_argument("", "k=5").value, Value{std::int64_t{5}});
    EXPECT_EQ(parse_argument("", "k=true").value, Value{true});
    EXPECT_EQ(parse_argument("", "k=reject-publish").value, Value{std::string("reject-publish")});
    EXPECT_EQ(parse_argument("", "k:string=5").value, Value{std::string("5")});
}

TEST(FieldOption, SaysWhatIsWrong) {
    EXPECT_EQ(refusal_of_field(""), "--header '': expected KEY=VALUE or KEY:TYPE=VALUE");
    EXPECT_EQ(refusal_of_field("=v"), "--header '=v': the key is empty");
    EXPECT_EQ(refusal_of_field("k:int=one"), "--header 'k:int=one': the value is not a whole number of 64 bits");
    EXPECT_EQ(refusal_of_field("k:json={"), "--header 'k:json={': the value is not JSON");
    EXPECT_NE(
        refusal_of_field("k:number=1").find("no type 'number'; known are string, int, float, bool, timestamp, json"),
        std::string::npos);
    EXPECT_NE(refusal_of_field(std::string(256, 'k') + "=v").find("255"), std::string::npos);
}

TEST(Timestamp, IsNowOrSeconds) {
    EXPECT_EQ(cli::parse_timestamp("12"), rabbit::Timestamp{12});
    EXPECT_GT(cli::parse_timestamp("now")->seconds, 1'700'000'000U);
    for (const auto* text : {"", "-1", "1.5", "today"}) {
        EXPECT_EQ(cli::parse_timestamp(text), std::nullopt) << text;
    }
}

}  // namespace
