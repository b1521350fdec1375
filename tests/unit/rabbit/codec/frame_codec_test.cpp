#include "codec/frame_codec.hpp"

#include "rabbit/error.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using rabbit::FrameDecoder;

constexpr std::size_t least_frame_max = 4096;

std::string encoded(const amqp_frame_t& frame) {
    std::string out = "before";
    rabbit::append_frame(out, frame, least_frame_max);
    return out.substr(6);
}

amqp_frame_t body_of(std::string& text) {
    amqp_frame_t frame{};
    frame.frame_type = AMQP_FRAME_BODY;
    frame.channel = 1;
    frame.payload.body_fragment = {text.size(), text.data()};
    return frame;
}

amqp_frame_t method_of(amqp_basic_ack_t& ack) {
    amqp_frame_t frame{};
    frame.frame_type = AMQP_FRAME_METHOD;
    frame.channel = 1;
    frame.payload.method.id = AMQP_BASIC_ACK_METHOD;
    frame.payload.method.decoded = &ack;
    return frame;
}

TEST(FrameCodec, ABodyFrameIsAsTheSpecificationHasIt) {
    std::string text = "hi";
    EXPECT_EQ(encoded(body_of(text)), std::string("\x03\0\x01\0\0\0\x02hi\xCE", 10));
}

TEST(FrameCodec, AHeartbeatHasNoPayload) {
    amqp_frame_t heartbeat{};
    heartbeat.frame_type = AMQP_FRAME_HEARTBEAT;
    EXPECT_EQ(encoded(heartbeat), std::string("\x08\0\0\0\0\0\0\xCE", 8));
}

TEST(FrameCodec, AMethodComesBack) {
    amqp_basic_ack_t ack{7, 1};
    auto bytes = encoded(method_of(ack));
    EXPECT_EQ(rabbit::frame_size(bytes.data()), bytes.size());
    FrameDecoder decoder;
    const auto frame = decoder.decode(bytes.data());
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->channel, 1);
    ASSERT_EQ(frame->payload.method.id, AMQP_BASIC_ACK_METHOD);
    const auto& decoded = *static_cast<const amqp_basic_ack_t*>(frame->payload.method.decoded);
    EXPECT_EQ(decoded.delivery_tag, 7U);
    EXPECT_TRUE(decoded.multiple);
}

TEST(FrameCodec, AContentHeaderComesBack) {
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_PRIORITY_FLAG;
    properties.priority = 5;
    amqp_frame_t header{};
    header.frame_type = AMQP_FRAME_HEADER;
    header.channel = 1;
    header.payload.properties.class_id = AMQP_BASIC_CLASS;
    header.payload.properties.body_size = 1U << 20;
    header.payload.properties.decoded = &properties;
    auto bytes = encoded(header);
    FrameDecoder decoder;
    const auto frame = decoder.decode(bytes.data());
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->payload.properties.body_size, 1U << 20);
    EXPECT_EQ(static_cast<const amqp_basic_properties_t*>(frame->payload.properties.decoded)->priority, 5);
}

TEST(FrameCodec, WhatDoesNotFitAFrameIsRefusedAndLeavesNothing) {
    std::string name(200, 'x');
    amqp_table_entry_t entries[30];
    for (auto& entry : entries) {
        entry.key = {name.size(), name.data()};
        entry.value.kind = AMQP_FIELD_KIND_VOID;
    }
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_HEADERS_FLAG;
    properties.headers = {30, entries};
    amqp_frame_t header{};
    header.frame_type = AMQP_FRAME_HEADER;
    header.payload.properties.class_id = AMQP_BASIC_CLASS;
    header.payload.properties.decoded = &properties;
    std::string out = "before";
    EXPECT_THROW(rabbit::append_frame(out, header, least_frame_max), rabbit::Error);
    EXPECT_EQ(out, "before");
}

TEST(FrameCodec, MalformedFramesAreRefused) {
    amqp_basic_ack_t ack{7, 1};
    const auto good = encoded(method_of(ack));
    auto other_end = good;
    other_end.back() = 'x';
    auto other_method = good;
    other_method[9] = '\x7F';
    const std::string too_short("\x01\0\x01\0\0\0\x03\0\x3C\0\xCE", 11);
    const std::string truncated("\x01\0\x01\0\0\0\x05\0\x3C\0\x50\0\xCE", 13);
    for (auto bytes : {other_end, other_method, too_short, truncated}) {
        FrameDecoder decoder;
        EXPECT_FALSE(decoder.decode(bytes.data()));
        EXPECT_EQ(decoder.error().substr(0, 25), "it sent a malformed frame");
    }
}

TEST(FrameCodec, KnowsTheTypesOfFrames) {
    for (int type = 0; type < 256; ++type) {
        const char first = static_cast<char>(type);
        EXPECT_EQ(rabbit::has_frame_type(&first), type == 1 || type == 2 || type == 3 || type == 8) << type;
    }
}

}  // namespace
