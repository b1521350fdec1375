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
using rabbit::PublishHead;

constexpr std::size_t agreed_frame_max = 4096;

std::shared_ptr<const Properties> text_plain() {
    return std::make_shared<const Properties>(Properties{.content_type = "text/plain"});
}

PublishHead head_of(const rabbit::Address& address, const std::shared_ptr<const Properties>& properties,
                    bool mandatory) {
    PublishHead head(agreed_frame_max);
    head.set(address, properties, mandatory);
    return head;
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
    const Case cases[] = {
        {{"e", "k"}, shared, true},  {{"e", "k"}, shared, true}, {{"e", "l"}, shared, true},
        {{"f", "l"}, shared, true},  {{"f", "l"}, longer, true}, {{"f", "l"}, nullptr, true},
        {{"f", "l"}, shared, false}, {{"", ""}, nullptr, false},
    };
    PublishHead head(agreed_frame_max);
    for (const auto& [address, properties, mandatory] : cases) {
        head.set(address, properties, mandatory);
        EXPECT_EQ(appended(head, 5), appended(head_of(address, properties, mandatory), 5));
    }
}

TEST(PublishHead, RefusesWhatCannotBeSentAndGoesOn) {
    const std::string too_long(256, 'x');
    const auto large = std::make_shared<const Properties>(
        Properties{.headers = rabbit::Table{{"large", {std::string(agreed_frame_max, 'x')}}}});
    PublishHead head(agreed_frame_max);
    for (int i = 0; i < 2; ++i) {  // also where there is something before
        EXPECT_THROW(head.set({too_long, ""}, nullptr, true), rabbit::Error);
        EXPECT_THROW(head.set({"", too_long}, nullptr, true), rabbit::Error);
        EXPECT_THROW(head.set({"", ""}, large, true), rabbit::Error);
        head.set({"", ""}, nullptr, true);
        EXPECT_EQ(appended(head, 5), appended(head_of({"", ""}, nullptr, true), 5));
    }
}

}  // namespace
