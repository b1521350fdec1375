#include "codec/publish_head.hpp"

#include "codec/frame_codec.hpp"
#include "codec/methods.hpp"
#include "rabbit/error.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace {

using rabbit::FrameDecoder;
using rabbit::Properties;
using rabbit::PublishEncoder;
using rabbit::PublishHead;

constexpr std::size_t agreed_frame_max = 4096;

std::shared_ptr<const Properties> text_plain() {
    return std::make_shared<const Properties>(Properties{.content_type = "text/plain"});
}

PublishHead head_of(const rabbit::Address& address, const std::shared_ptr<const Properties>& properties,
                    bool mandatory) {
    return PublishEncoder(agreed_frame_max).encode(address, properties, mandatory);
}

std::string appended(const PublishHead& head, std::uint64_t body_size) {
    std::string out = "before";
    head.append_to(out, body_size);
    return out.substr(6);
}

TEST(PublishHead, IsAMethodAndAContentHeader) {
    auto bytes = appended(head_of({"logs", "disk"}, text_plain(), true), 0x0102030405060708);
    FrameDecoder decoder;
    const auto size = rabbit::frame_size(bytes.data());
    const auto method = decoder.decode(bytes.data());
    ASSERT_TRUE(method);
    EXPECT_EQ(method->channel, rabbit::channel_number);
    ASSERT_EQ(method->payload.method.id, AMQP_BASIC_PUBLISH_METHOD);
    const auto& publish = rabbit::arguments_of<amqp_basic_publish_t>(*method);
    EXPECT_EQ(rabbit::view(publish.exchange), "logs");
    EXPECT_EQ(rabbit::view(publish.routing_key), "disk");
    EXPECT_TRUE(publish.mandatory);

    EXPECT_EQ(size + rabbit::frame_size(bytes.data() + size), bytes.size());
    const auto header = decoder.decode(bytes.data() + size);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->channel, rabbit::channel_number);
    EXPECT_EQ(header->payload.properties.class_id, AMQP_BASIC_CLASS);
    EXPECT_EQ(header->payload.properties.body_size, 0x0102030405060708U);
    const auto& properties = *static_cast<const amqp_basic_properties_t*>(header->payload.properties.decoded);
    EXPECT_EQ(properties._flags, amqp_flags_t{AMQP_BASIC_CONTENT_TYPE_FLAG});
    EXPECT_EQ(rabbit::view(properties.content_type), "text/plain");
}

TEST(PublishHead, DiffersBetweenBodiesInTheirSizeAlone) {
    const auto head = head_of({"", "hello"}, nullptr, false);
    auto one = appended(head, 1);
    const auto two = appended(head, 2);
    ASSERT_EQ(one.size(), two.size());
    rabbit::put_body_size(one.data() + rabbit::frame_size(one.data()) + rabbit::body_size_in_header_frame, 2);
    EXPECT_EQ(one, two);
}

TEST(PublishHead, IsThatOfTheLastMessageWhateverCameBefore) {
    struct Case {
        rabbit::Address address;
        std::shared_ptr<const Properties> properties;
        bool mandatory;
    };
    const auto shared = text_plain();
    const auto longer = std::make_shared<const Properties>(
        Properties{.headers = rabbit::Table{{"outer", {rabbit::Table{{"inner", {std::string(300, 'x')}}}}}}});
    const auto number = [](double value) {
        return std::make_shared<const Properties>(Properties{.headers = rabbit::Table{{"number", {value}}}});
    };
    const Case cases[] = {
        {{"e", "k"}, shared, true},     {{"e", "k"}, shared, true},      {{"e", "l"}, shared, true},
        {{"f", "l"}, shared, true},     {{"f", "l"}, longer, true},      {{"f", "l"}, nullptr, true},
        {{"f", "l"}, shared, false},    {{"", ""}, nullptr, false},      {{"", ""}, text_plain(), false},
        {{"", ""}, number(0.0), false}, {{"", ""}, number(-0.0), false}, {{"", ""}, number(-0.0), false},
    };
    PublishEncoder encoder(agreed_frame_max);
    for (const auto& [address, properties, mandatory] : cases) {
        EXPECT_EQ(appended(encoder.encode(address, properties, mandatory), 5),
                  appended(head_of(address, properties, mandatory), 5));
    }
}

TEST(PublishHead, SharesTheMethodOfMessagesToOneAddress) {
    PublishEncoder encoder(agreed_frame_max);
    const auto method = encoder.encode({"e", "k"}, nullptr, true).method;
    EXPECT_EQ(encoder.encode({"e", "k"}, text_plain(), true).method, method);
    EXPECT_NE(encoder.encode({"e", "l"}, text_plain(), true).method, method);
}

TEST(PublishHead, GivesThePropertiesBack) {
    const Properties all{.content_type = "text/plain",
                         .content_encoding = "gzip",
                         .headers = rabbit::Table{{"outer", {rabbit::Table{{"inner", {std::int8_t{-1}}}}}}},
                         .delivery_mode = std::uint8_t{2},
                         .priority = std::uint8_t{0},
                         .correlation_id = "c",
                         .reply_to = "r",
                         .expiration = "0",
                         .message_id = "m",
                         .timestamp = rabbit::Timestamp{1},
                         .type = "t",
                         .user_id = "u",
                         .app_id = "",
                         .cluster_id = "l"};
    for (const auto& properties : {all, Properties{.headers = rabbit::Table()}}) {
        const auto head = head_of({"", "hello"}, std::make_shared<const Properties>(properties), false);
        const auto decoded = rabbit::decode_properties(head.header);
        ASSERT_TRUE(decoded);
        EXPECT_EQ(*decoded, properties);
    }
    EXPECT_EQ(rabbit::decode_properties(head_of({"", "hello"}, nullptr, false).header), nullptr);
}

TEST(PublishHead, RefusesWhatCannotBeSentAndGoesOn) {
    const std::string too_long(256, 'x');
    const auto large = std::make_shared<const Properties>(
        Properties{.headers = rabbit::Table{{"large", {std::string(agreed_frame_max, 'x')}}}});
    PublishEncoder encoder(agreed_frame_max);
    for (int i = 0; i < 2; ++i) {  // also where there is something before
        EXPECT_THROW(encoder.encode({too_long, ""}, nullptr, true), rabbit::Error);
        EXPECT_THROW(encoder.encode({"", too_long}, nullptr, true), rabbit::Error);
        EXPECT_THROW(encoder.encode({"", ""}, large, true), rabbit::Error);
        EXPECT_EQ(appended(encoder.encode({"", ""}, nullptr, true), 5), appended(head_of({"", ""}, nullptr, true), 5));
    }
}

}  // namespace
