#include "codec/properties_codec.hpp"

#include "rabbit/error.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>

namespace {

using rabbit::Properties;
using namespace std::string_literals;

/// What rabbitmq-c reads in what rabbitmq-c writes of them.
std::shared_ptr<const Properties> through_the_wire(const Properties& properties) {
    const rabbit::PropertiesView properties_view(properties);
    auto ready = properties_view.get();
    std::string bytes(std::size_t{64} << 10, '\0');
    const int size = amqp_encode_properties(AMQP_BASIC_CLASS, &ready, {bytes.size(), bytes.data()});
    EXPECT_GE(size, 0) << amqp_error_string2(size);

    amqp_pool_t pool;
    init_amqp_pool(&pool, 4096);
    const std::unique_ptr<amqp_pool_t, void (*)(amqp_pool_t*)> emptied(&pool, empty_amqp_pool);
    void* decoded = nullptr;
    const int status =
        amqp_decode_properties(AMQP_BASIC_CLASS, &pool, {static_cast<std::size_t>(size), bytes.data()}, &decoded);
    EXPECT_EQ(status, AMQP_STATUS_OK) << amqp_error_string2(status);
    return rabbit::copy_properties(*static_cast<amqp_basic_properties_t*>(decoded));
}

/// Each with a value of its own, so that none can stand in for another.
Properties all() {
    return {.content_type = "text/plain",
            .content_encoding = "gzip",
            .headers = rabbit::Table{{"answer", {42}}},
            .delivery_mode = 2,
            .priority = 9,
            .correlation_id = "correlation",
            .reply_to = "answers",
            .expiration = "60000",
            .message_id = "id",
            .timestamp = rabbit::Timestamp{1'700'000'000},
            .type = "greeting",
            .user_id = "guest",
            .app_id = "send",
            .cluster_id = "cluster"};
}

TEST(PropertiesCodec, KeepsAllOfThem) {
    const auto copy = through_the_wire(all());
    ASSERT_TRUE(copy);
    EXPECT_TRUE(*copy == all());
}

TEST(PropertiesCodec, OfNothingIsNull) {
    EXPECT_EQ(through_the_wire({}), nullptr);
}

TEST(PropertiesCodec, TellsAnEmptyTextFromNone) {
    Properties properties;
    properties.message_id = "";
    const auto copy = through_the_wire(properties);
    ASSERT_TRUE(copy);
    EXPECT_TRUE(*copy == properties);
}

TEST(PropertiesCodec, TellsEmptyHeadersFromNone) {
    Properties properties;
    properties.headers.emplace();
    const auto copy = through_the_wire(properties);
    ASSERT_TRUE(copy);
    EXPECT_TRUE(*copy == properties);
}

TEST(PropertiesCodec, TellsZeroFromNone) {
    Properties properties;
    properties.delivery_mode = 0;
    properties.priority = 0;
    properties.timestamp.emplace();
    const auto copy = through_the_wire(properties);
    ASSERT_TRUE(copy);
    EXPECT_TRUE(*copy == properties);
}

/// One property, taken alone from all(), and what of rabbitmq-c's must then be set.
struct Alone {
    const char* name;
    void (*take)(const Properties& from, Properties& to);
    amqp_flags_t flag;
};

void PrintTo(const Alone& alone, std::ostream* out) {
    *out << alone.name;
}

template <auto member>
void take(const Properties& from, Properties& to) {
    to.*member = from.*member;
}

class PropertiesCodecOf : public testing::TestWithParam<Alone> {};

TEST_P(PropertiesCodecOf, SetsItsFlagAndNoOther) {
    Properties properties;
    GetParam().take(all(), properties);
    EXPECT_EQ(rabbit::PropertiesView(properties).get()._flags, GetParam().flag);
}

TEST_P(PropertiesCodecOf, KeepsItAlone) {
    Properties properties;
    GetParam().take(all(), properties);
    const auto copy = through_the_wire(properties);
    ASSERT_TRUE(copy);
    EXPECT_TRUE(*copy == properties);
}

INSTANTIATE_TEST_SUITE_P(
    Each, PropertiesCodecOf,
    testing::Values(Alone{"content_type", take<&Properties::content_type>, AMQP_BASIC_CONTENT_TYPE_FLAG},
                    Alone{"content_encoding", take<&Properties::content_encoding>, AMQP_BASIC_CONTENT_ENCODING_FLAG},
                    Alone{"headers", take<&Properties::headers>, AMQP_BASIC_HEADERS_FLAG},
                    Alone{"delivery_mode", take<&Properties::delivery_mode>, AMQP_BASIC_DELIVERY_MODE_FLAG},
                    Alone{"priority", take<&Properties::priority>, AMQP_BASIC_PRIORITY_FLAG},
                    Alone{"correlation_id", take<&Properties::correlation_id>, AMQP_BASIC_CORRELATION_ID_FLAG},
                    Alone{"reply_to", take<&Properties::reply_to>, AMQP_BASIC_REPLY_TO_FLAG},
                    Alone{"expiration", take<&Properties::expiration>, AMQP_BASIC_EXPIRATION_FLAG},
                    Alone{"message_id", take<&Properties::message_id>, AMQP_BASIC_MESSAGE_ID_FLAG},
                    Alone{"timestamp", take<&Properties::timestamp>, AMQP_BASIC_TIMESTAMP_FLAG},
                    Alone{"type", take<&Properties::type>, AMQP_BASIC_TYPE_FLAG},
                    Alone{"user_id", take<&Properties::user_id>, AMQP_BASIC_USER_ID_FLAG},
                    Alone{"app_id", take<&Properties::app_id>, AMQP_BASIC_APP_ID_FLAG},
                    Alone{"cluster_id", take<&Properties::cluster_id>, AMQP_BASIC_CLUSTER_ID_FLAG}),
    [](const auto& each) { return each.param.name; });

struct ShortText {
    const char* name;
    std::optional<std::string> Properties::*member;
};

void PrintTo(const ShortText& text, std::ostream* out) {
    *out << text.name;
}

class ShortProperty : public testing::TestWithParam<ShortText> {};

TEST_P(ShortProperty, Takes255BytesOfAnyKind) {
    Properties properties;
    properties.*GetParam().member = "\0\xff"s + std::string(253, 'x');
    const auto copy = through_the_wire(properties);
    ASSERT_TRUE(copy);
    EXPECT_TRUE(*copy == properties);
}

TEST_P(ShortProperty, RefusesMoreAndSaysWhichItIs) {
    Properties properties;
    properties.*GetParam().member = std::string(256, 'x');
    try {
        const rabbit::PropertiesView taken(properties);
        FAIL() << "took 256 bytes";
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(error.kind(), rabbit::ErrorKind::invalid);
        std::string name = GetParam().name;
        std::string text = error.what();
        for (auto* each : {&name, &text}) {
            for (char& letter : *each) {
                letter = letter == '_' || letter == '-' ? ' ' : letter;
            }
        }
        EXPECT_NE(text.find(name), std::string::npos) << error.what();
    }
}

INSTANTIATE_TEST_SUITE_P(
    Each, ShortProperty,
    testing::Values(ShortText{"content_type", &Properties::content_type},
                    ShortText{"content_encoding", &Properties::content_encoding},
                    ShortText{"correlation_id", &Properties::correlation_id},
                    ShortText{"reply_to", &Properties::reply_to}, ShortText{"expiration", &Properties::expiration},
                    ShortText{"message_id", &Properties::message_id}, ShortText{"type", &Properties::type},
                    ShortText{"user_id", &Properties::user_id}, ShortText{"app_id", &Properties::app_id},
                    ShortText{"cluster_id", &Properties::cluster_id}),
    [](const auto& each) { return each.param.name; });

}  // namespace
