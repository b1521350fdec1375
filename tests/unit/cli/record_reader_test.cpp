#include "record_reader.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using PropertiesPtr = std::shared_ptr<const rabbit::Properties>;

std::string record_with(std::string_view properties) {
    return R"({"payload":"x","properties":)" + std::string(properties) + "}";
}

PropertiesPtr read(cli::RecordReader& reader, std::string_view properties) {
    return reader.read(record_with(properties)).message.properties;
}

PropertiesPtr read_alone(std::string_view properties) {
    cli::RecordReader reader;
    return read(reader, properties);
}

void expect_equal(const PropertiesPtr& a, const PropertiesPtr& b) {
    ASSERT_EQ(a == nullptr, b == nullptr);
    EXPECT_TRUE(!a || *a == *b);
}

constexpr auto every_kind = R"({"content_type":"text/plain","delivery_mode":2,"timestamp":17,"headers":)"
                            R"({"text":"a","number":-3,"flag":true,"fraction":0.5,"table":{"deeper":"b"}}})";

TEST(RecordReader, RecordsWithTheSamePropertiesShareThem) {
    cli::RecordReader reader;
    const auto first = read(reader, every_kind);
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(read(reader, every_kind), first);
    EXPECT_EQ(reader.read(R"({"payload":"without any"})").message.properties, nullptr);
    EXPECT_EQ(read(reader, every_kind), first);
}

struct Successive {
    const char* before;
    const char* properties;
};

class RecordReaderAfterAnother : public testing::TestWithParam<Successive> {};

TEST_P(RecordReaderAfterAnother, ReadsWhatItWouldReadAlone) {
    const auto& [before, properties] = GetParam();
    cli::RecordReader reader;
    expect_equal(read(reader, before), read_alone(before));
    expect_equal(read(reader, properties), read_alone(properties));
    expect_equal(read(reader, before), read_alone(before));
}

INSTANTIATE_TEST_SUITE_P(
    Properties, RecordReaderAfterAnother,
    testing::Values(
        Successive{R"({"type":"a"})", R"({"type":"b"})"}, Successive{R"({"type":"a"})", R"({"app_id":"a"})"},
        Successive{R"({"type":"a"})", R"({"type":"a","app_id":"b"})"},
        Successive{R"({"type":"a","app_id":"b"})", R"({"app_id":"b","type":"a"})"},
        Successive{R"({"type":"a","app_id":"b"})", R"({"type":"a","type":"a"})"},
        Successive{R"({"type":"a"})", R"({"type":"b","type":"a"})"},
        Successive{R"({"type":"a"})", R"({"type":"a","type":"b"})"},
        Successive{R"({"type":"a"})", R"({"type":{"!string":"YQ=="}})"}, Successive{R"({"type":"a"})", "{}"},
        Successive{R"({"type":"a"})", "[]"}, Successive{R"({"priority":1})", R"({"priority":2})"},
        Successive{R"({"timestamp":1})", R"({"timestamp":18446744073709551615})"},
        Successive{R"({"headers":{}})", R"({"headers":[]})"}, Successive{R"({"headers":{"a":1}})", R"({"headers":{}})"},
        Successive{R"({"headers":{"a":1}})", R"({"headers":{"a":1,"b":2}})"},
        Successive{R"({"headers":{"a":1,"b":2}})", R"({"headers":{"b":2,"a":1}})"},
        Successive{R"({"headers":{"a":1,"b":2}})", R"({"headers":{"a":1,"a":1}})"},
        Successive{R"({"headers":{"a":1}})", R"({"headers":{"a":1.0}})"},
        Successive{R"({"headers":{"a":1}})", R"({"headers":{"a":true}})"},
        Successive{R"({"headers":{"a":1}})", R"({"headers":{"a":"1"}})"},
        Successive{R"({"headers":{"a":1}})", R"({"headers":{"a":{"!int8":1}}})"},
        Successive{R"({"headers":{"a":{"!int8":1}}})", R"({"headers":{"a":1}})"},
        Successive{R"({"headers":{"a":0.0}})", R"({"headers":{"a":-0.0}})"},
        Successive{R"({"headers":{"a":null}})", R"({"headers":{"a":false}})"},
        Successive{R"({"headers":{"a":[1,2]}})", R"({"headers":{"a":[2,1]}})"},
        Successive{R"({"headers":{"a":{"b":1}}})", R"({"headers":{"a":{"b":2}}})"},
        Successive{R"({"headers":{"a":{"!table":[["!int8",5]]}}})", R"({"headers":{"a":{"!int8":5}}})"},
        Successive{R"({"headers":{"a":{"!bytes":"YQ=="}}})", R"({"headers":{"a":"a"}})"}));

class RecordReaderAfterARecord : public testing::TestWithParam<const char*> {};

TEST_P(RecordReaderAfterARecord, RefusesWhatItWouldRefuseAlone) {
    const auto refusal = [](cli::RecordReader& reader) -> std::string {
        try {
            read(reader, GetParam());
            return "none";
        } catch (const std::invalid_argument& error) {
            return error.what();
        }
    };
    cli::RecordReader alone;
    cli::RecordReader reader;
    const auto before =
        read(reader, R"({"headers":{"!table":[["!int8",5]]},"type":"a","delivery_mode":1,"expiration":"5"})");
    EXPECT_NE(refusal(alone), "none");
    EXPECT_EQ(refusal(reader), refusal(alone));
    EXPECT_EQ(read(reader, R"({"type":"b"})")->type, "b");
}

INSTANTIATE_TEST_SUITE_P(Properties, RecordReaderAfterARecord,
                         testing::Values("7", R"({"typo":"a"})", R"({"type":"a","typo":"b"})",
                                         R"({"headers":{"!int8":5},"type":"a","delivery_mode":1,"expiration":"5"})",
                                         R"({"delivery_mode":256})", R"({"delivery_mode":-1})", R"({"timestamp":-1})",
                                         R"({"expiration":"5s"})", R"({"type":["a"]})"));

}  // namespace
