#include "json_reader.hpp"
#include "json_writer.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using rabbit::Array;
using rabbit::Table;
using rabbit::Value;

std::string written(const Value& value) {
    return cli::json_of(value);
}

Value read_json(const std::string& json) {
    cli::JsonReader reader;
    return cli::value_of_json(reader.read(json));
}

std::string refusal_of_json(const std::string& json) {
    try {
        read_json(json);
        return "none";
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
}

struct Pair {
    Value value;
    const char* json;
};

class JsonOf : public testing::TestWithParam<Pair> {};

TEST_P(JsonOf, IsReadBackAsTheSameValue) {
    EXPECT_EQ(written(GetParam().value), GetParam().json);
    EXPECT_EQ(read_json(GetParam().json), GetParam().value);
}

INSTANTIATE_TEST_SUITE_P(
    Values, JsonOf,
    testing::Values(
        Pair{{std::monostate()}, "null"}, Pair{{true}, "true"}, Pair{{false}, "false"},
        Pair{{std::int8_t{-128}}, R"({"!int8":-128})"}, Pair{{std::uint8_t{255}}, R"({"!uint8":255})"},
        Pair{{std::int16_t{-32768}}, R"({"!int16":-32768})"}, Pair{{std::uint16_t{65535}}, R"({"!uint16":65535})"},
        Pair{{std::int32_t{-5}}, R"({"!int32":-5})"}, Pair{{std::uint32_t{5}}, R"({"!uint32":5})"},
        Pair{{std::numeric_limits<std::int64_t>::min()}, "-9223372036854775808"},
        Pair{{std::numeric_limits<std::int64_t>::max()}, "9223372036854775807"},
        Pair{{std::numeric_limits<std::uint64_t>::max()}, R"({"!uint64":18446744073709551615})"},
        Pair{{1.5F}, R"({"!float":1.5})"}, Pair{{std::numeric_limits<float>::infinity()}, R"({"!float":"inf"})"},
        Pair{{1.0}, "1.0"}, Pair{{-0.5}, "-0.5"}, Pair{{1e300}, "1e+300"},
        Pair{{-std::numeric_limits<double>::infinity()}, R"({"!double":"-inf"})"},
        Pair{{rabbit::Decimal{2, 314}}, R"({"!decimal":{"scale":2,"value":314}})"},
        Pair{{rabbit::Timestamp{1700000000}}, R"({"!timestamp":1700000000})"}, Pair{{std::string()}, R"("")"},
        Pair{{std::string("\xC3\xBC \"\\/\b\f\n\r\t\x01\x1F\x7F", 14)},
             "\"\xC3\xBC \\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\""},
        Pair{{std::string(1, '\0')}, R"("\u0000")"}, Pair{{std::string("\xFF")}, R"({"!string":"/w=="})"},
        Pair{{rabbit::Bytes{std::string("\0\1\2", 3)}}, R"({"!bytes":"AAEC"})"}, Pair{{Array()}, "[]"},
        Pair{{Array{{true}, {Array{{std::int64_t{1}}}}}}, "[true,[1]]"}, Pair{{Table()}, "{}"},
        Pair{{Table{{"b", {true}}, {"a", {Table{{"", {std::monostate()}}}}}}}, R"({"b":true,"a":{"":null}})"},
        Pair{{Table{{"a", {true}}, {"a", {false}}}}, R"({"!table":[["a",true],["a",false]]})"},
        Pair{{Table{{"!int8", {std::int64_t{1}}}}}, R"({"!table":[["!int8",1]]})"},
        Pair{{Table{{"\xFF", {true}}}}, R"({"!table":[[{"!string":"/w=="},true]]})"}));

TEST(Json, NotANumberIsReadBackAsSuch) {
    const auto value = read_json(written({std::nan("")}));
    EXPECT_TRUE(std::isnan(std::get<double>(value.data)));
}

TEST(Json, StringsOfEveryLengthAreEscapedWhereTheyMustBe) {
    for (std::size_t length = 0; length < 70; ++length) {
        for (std::size_t at = 0; at < length; ++at) {
            std::string text(length, 'x');
            text[at] = '\n';
            EXPECT_EQ(read_json(written({text})), Value{text});
        }
    }
}

TEST(Json, OfMembersWithTheSameNameTheLastCounts) {
    EXPECT_EQ(read_json(R"({"a":1,"b":2,"a":3})"), (Value{Table{{"a", {std::int64_t{3}}}, {"b", {std::int64_t{2}}}}}));
}

TEST(Json, ATagIsTheOnlyMember) {
    EXPECT_EQ(read_json(R"({"!int8":1,"a":2})"),
              (Value{Table{{"!int8", {std::int64_t{1}}}, {"a", {std::int64_t{2}}}}}));
}

TEST(Json, NumbersThatDoNotFitAreRefused) {
    EXPECT_EQ(refusal_of_json("123456789012345678901234567890"), "a number is too large");
    EXPECT_EQ(refusal_of_json("1e999"), "a number is too large");
    EXPECT_EQ(refusal_of_json("18446744073709551615"),
              "18446744073709551615 is not a whole number from -9223372036854775808 to 9223372036854775807");
    EXPECT_EQ(refusal_of_json(R"({"!uint8":-1})"), "-1 is not a whole number from 0 to 255");
    EXPECT_EQ(refusal_of_json(R"({"!uint8":1.0})"), "1.0 is not a whole number from 0 to 255");
    EXPECT_EQ(refusal_of_json(R"({"!uint64":18446744073709551616})"), "a number is too large");
}

TEST(Json, SaysWhatATagTakes) {
    EXPECT_EQ(refusal_of_json(R"({"!int":1})"), "there is no type '!int'");
    EXPECT_EQ(refusal_of_json(R"({"!decimal":{"scale":1}})"), "!decimal takes an object with scale and value");
    EXPECT_EQ(refusal_of_json(R"({"!table":{}})"), "!table takes an array of [name, value] pairs");
    EXPECT_EQ(refusal_of_json(R"({"!table":[["a"]]})"), "!table takes an array of [name, value] pairs");
    EXPECT_EQ(refusal_of_json(R"({"!table":[[1,2]]})"), "1 is not a string");
    EXPECT_EQ(refusal_of_json(R"({"!float":"much"})"), "\"much\" is not a number");
    EXPECT_EQ(refusal_of_json(R"({"!bytes":[]})"), "an array is not a string");
}

struct Broken {
    std::string json;
    std::size_t offset;
    const char* text;
};

class JsonOfBroken : public testing::TestWithParam<Broken> {};

TEST_P(JsonOfBroken, SaysWhereItIsNotJson) {
    try {
        read_json(GetParam().json);
        ADD_FAILURE() << GetParam().json << " was read";
    } catch (const cli::NotJson& error) {
        EXPECT_EQ(error.offset(), GetParam().offset);
        EXPECT_STREQ(error.what(), GetParam().text);
    }
}

INSTANTIATE_TEST_SUITE_P(Texts, JsonOfBroken,
                         testing::Values(Broken{"", 0, "not JSON near ''"}, Broken{"{", 1, "not JSON near '{'"},
                                         Broken{"[1,\n x]", 6, "not JSON near ' x'"},
                                         Broken{R"("\x")", 3, R"(not JSON near '"\x')"},
                                         Broken{R"("\ud800")", 8, R"(not JSON near '"\ud800"')"},
                                         Broken{"\"\xFF\"", 2, "not JSON near '\"\xFF'"},
                                         Broken{"01", 2, "not JSON near '01'"},
                                         Broken{"1 2", 3, "not JSON near '1 2'"}));

TEST(Json, ReadsOneTextAfterTheOther) {
    cli::JsonReader reader;
    EXPECT_EQ(cli::value_of_json(reader.read("1")), Value{std::int64_t{1}});
    EXPECT_THROW(static_cast<void>(reader.read("[")), cli::NotJson);
    EXPECT_EQ(cli::value_of_json(reader.read("\"" + std::string(100'000, 'x') + "\"")),
              Value{std::string(100'000, 'x')});
    EXPECT_EQ(cli::value_of_json(reader.read("2")), Value{std::int64_t{2}});
}

/// try_read() of a text with other bytes behind it.
bool can_be_read(const std::string& json) {
    cli::JsonReader reader;
    const auto text = json + std::string(cli::JsonReader::room_behind, ']');
    const auto read = reader.try_read(std::string_view(text).substr(0, json.size()));
    if (read) {
        EXPECT_EQ(cli::value_of_json(*read), read_json(json));
    }
    return read.has_value();
}

TEST(Json, TriesToRead) {
    for (const auto* json : {"1", "[1, 2]", R"({"a": "b"})", " {\"a\": [ ] }\r", "\"\xC3\xA9\""}) {
        EXPECT_TRUE(can_be_read(json)) << json;
    }
    for (const auto* json : {"", " ", "[", "[1", "{} {}", "{\"a\": 1},", "\"\xFF\"", "18446744073709551616"}) {
        EXPECT_FALSE(can_be_read(json)) << json;
        EXPECT_NE(refusal_of_json(json), "none") << json;
    }
}

TEST(Json, WhatIsNestedTooDeepIsRefusedAndNothingElse) {
    const auto nested = [](int depth) {
        return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
    };
    const int deepest = rabbit::deepest_nesting();
    EXPECT_EQ(written(read_json(nested(deepest))), nested(deepest));
    const auto cause = "it is nested more than " + std::to_string(deepest) + " deep";
    EXPECT_EQ(refusal_of_json(nested(deepest + 2)), cause);
    EXPECT_EQ(refusal_of_json(nested(1'000'000)), cause);
}

}  // namespace
