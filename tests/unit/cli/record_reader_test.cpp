#include "record_reader.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using PropertiesPtr = std::shared_ptr<const rabbit::Properties>;

std::string record_with(std::string_view properties) {
    return R"({"payload":"x","properties":)" + std::string(properties) + "}";
}

PropertiesPtr read(cli::RecordReader& reader, std::string_view properties) {
    return reader.read(record_with(properties)).properties;
}

PropertiesPtr read_alone(std::string_view properties) {
    cli::RecordReader reader;
    return read(reader, properties);
}

void expect_equal(const PropertiesPtr& a, const PropertiesPtr& b) {
    ASSERT_EQ(a == nullptr, b == nullptr);
    EXPECT_TRUE(!a || *a == *b);
}

constexpr auto shared_kinds = R"({"content_type":"text/plain","delivery_mode":2,"timestamp":17,"headers":)"
                              R"({"text":"a","number":-3,"flag":true,"fraction":0.5,"table":{"deeper":"b"}}})";

TEST(RecordReader, RecordsShareThePropertiesThatAreRepeated) {
    cli::RecordReader reader;
    const auto first = read(reader, shared_kinds);
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(read(reader, shared_kinds), first);
    EXPECT_EQ(reader.read(R"({"payload":"without any"})").properties, nullptr);
    EXPECT_EQ(read(reader, shared_kinds), first);
    const auto other = read(reader, R"({"type":"a"})");
    EXPECT_NE(other, first);
    EXPECT_EQ(read(reader, R"({"type":"a"})"), other);
}

TEST(RecordReader, TriesToReadARecord) {
    cli::RecordReader reader;
    const auto try_read = [&reader](const std::string& record) {
        const auto text = record + std::string(cli::JsonReader::room_behind, '}');
        return reader.try_read(std::string_view(text).substr(0, record.size()));
    };
    const auto first = try_read(record_with(shared_kinds));
    ASSERT_TRUE(first);
    EXPECT_EQ(first->body.bytes(), "x");
    for (const auto* refused : {"", "[]", "{", R"({"payload":7})", R"({"typo":""})"}) {
        EXPECT_FALSE(try_read(refused)) << refused;
    }
    EXPECT_EQ(try_read(record_with(shared_kinds))->properties, first->properties);
    EXPECT_EQ(try_read("{}")->body.bytes(), "");
    EXPECT_EQ(first->body.bytes(), "x");
}

TEST(RecordReader, BodiesStayWhenMoreRecordsAreRead) {
    cli::RecordReader reader;
    std::vector<std::string> texts;
    std::vector<rabbit::Body> bodies;
    for (std::size_t i = 0; i < 300; ++i) {
        texts.emplace_back(i * i % 9000, static_cast<char>('a' + i % 26));
        bodies.push_back(reader.read(R"({"payload":")" + texts.back() + "\"}").body);
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
        ASSERT_TRUE(bodies[i].bytes() == texts[i]) << i;
    }
}

struct Successive {
    const char* before;
    const char* properties;
};

class RecordReaderWithOtherProperties : public testing::TestWithParam<Successive> {};

TEST_P(RecordReaderWithOtherProperties, ReadsWhatItWouldReadAlone) {
    const auto& [before, properties] = GetParam();
    cli::RecordReader reader;
    expect_equal(read(reader, before), read_alone(before));
    expect_equal(read(reader, properties), read_alone(properties));
    expect_equal(read(reader, before), read_alone(before));
}

INSTANTIATE_TEST_SUITE_P(
    Properties, RecordReaderWithOtherProperties,
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
        Successive{R"({"headers":{}})", R"({"headers":[]})"},
        Successive{R"({"headers":{"a":1}})", R"({"headers":{"b":1}})"},
        Successive{R"({"headers":{"a":1}})", R"({"headers":{}})"},
        Successive{R"({"headers":{"a":1}})", R"({"headers":{"a":1,"b":2}})"},
        Successive{R"({"headers":{"a":1,"b":2}})", R"({"headers":{"b":2,"a":1}})"},
        Successive{R"({"headers":{"a":1,"b":2}})", R"({"headers":{"a":1,"a":1}})"},
        Successive{R"({"headers":{"!table":[["a",1],["a",2]]}})", R"({"headers":{"a":1,"a":2}})"},
        Successive{R"({"headers":{"t":{"!table":[["a",1],["a",2]]}}})", R"({"headers":{"t":{"a":1,"a":2}}})"},
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

class RecordReaderWithARefusedRecord : public testing::TestWithParam<Successive> {
protected:
    static std::string refusal(cli::RecordReader& reader, std::string_view properties) {
        try {
            read(reader, properties);
            return "none";
        } catch (const std::invalid_argument& error) {
            return error.what();
        }
    }
};

TEST_P(RecordReaderWithARefusedRecord, RefusesWhatItWouldRefuseAlone) {
    const auto& [before, properties] = GetParam();
    cli::RecordReader alone;
    cli::RecordReader reader;
    read(reader, before);
    EXPECT_NE(refusal(alone, properties), "none");
    EXPECT_EQ(refusal(reader, properties), refusal(alone, properties));
    expect_equal(read(reader, before), read_alone(before));
}

INSTANTIATE_TEST_SUITE_P(
    Properties, RecordReaderWithARefusedRecord,
    testing::Values(Successive{R"({"type":"a"})", "7"}, Successive{R"({"type":"a"})", R"({"typo":"a"})"},
                    Successive{R"({"type":"a","app_id":"b"})", R"({"type":"a","typo":"b"})"},
                    Successive{R"({"type":"a"})", R"({"type":["a"]})"},
                    Successive{R"({"headers":{"!table":[["!int8",5]]}})", R"({"headers":{"!int8":5}})"},
                    Successive{R"({"headers":{"a":1},"headers":{"a":1}})", R"({"headers":7,"headers":{"a":1}})"},
                    Successive{R"({"delivery_mode":0})", R"({"delivery_mode":256})"},
                    Successive{R"({"delivery_mode":255})", R"({"delivery_mode":-1})"},
                    Successive{R"({"timestamp":18446744073709551615})", R"({"timestamp":-1})"},
                    Successive{R"({"expiration":"5"})", R"({"expiration":"5s"})"}));

TEST(RecordReader, NothingStaysOfARefusedRecord) {
    cli::RecordReader reader;
    read(reader, R"({"headers":{"a":1}})");
    EXPECT_THROW(read(reader, R"({"type":"a","typo":"b"})"), std::invalid_argument);
    expect_equal(read(reader, R"({"type":"a"})"), read_alone(R"({"type":"a"})"));
}

}  // namespace
