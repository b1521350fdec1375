#include "message_assembler.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

/// What has been assembled.
struct Inbox {
    std::vector<rabbit::Delivery> deliveries;
    std::vector<rabbit::Return> returns;

    /// Returns the rule that the frame breaks, if any.
    std::string_view take(rabbit::Assembled assembled) {
        if (auto* delivery = std::get_if<rabbit::Delivery>(&assembled)) {
            deliveries.push_back(std::move(*delivery));
        } else if (auto* returned = std::get_if<rabbit::Return>(&assembled)) {
            returns.push_back(std::move(*returned));
        } else if (const auto* broken = std::get_if<rabbit::BrokenRule>(&assembled)) {
            return broken->text;
        }
        return {};
    }
};

class MessageAssemblerTest : public testing::Test {
protected:
    void begin_delivery() {
        amqp_basic_deliver_t method{};
        method.delivery_tag = 7;
        method.redelivered = 1;
        method.exchange = rabbit::to_amqp("amq.topic");
        method.routing_key = rabbit::to_amqp("a.b");
        assembler_.begin(method);
    }

    void begin_return() {
        amqp_basic_return_t method{};
        method.reply_code = 312;
        method.reply_text = rabbit::to_amqp("NO_ROUTE");
        method.exchange = rabbit::to_amqp("amq.topic");
        method.routing_key = rabbit::to_amqp("a.b");
        assembler_.begin(method);
    }

    std::string_view add_header(std::uint64_t body_size, std::uint16_t class_id = AMQP_BASIC_CLASS) {
        amqp_frame_t frame{};
        frame.frame_type = AMQP_FRAME_HEADER;
        frame.payload.properties.class_id = class_id;
        frame.payload.properties.body_size = body_size;
        frame.payload.properties.decoded = &properties_;
        return inbox_.take(assembler_.add(frame));
    }

    std::string_view add_body(std::string_view fragment) {
        amqp_frame_t frame{};
        frame.frame_type = AMQP_FRAME_BODY;
        frame.payload.body_fragment = rabbit::to_amqp(fragment);
        return inbox_.take(assembler_.add(frame));
    }

    rabbit::MessageAssembler assembler_;
    Inbox inbox_;
    amqp_basic_properties_t properties_{};
};

TEST_F(MessageAssemblerTest, IsDeliveredWithItsLastBodyFrame) {
    begin_delivery();
    EXPECT_EQ(add_header(5), "");
    EXPECT_TRUE(inbox_.deliveries.empty());
    EXPECT_EQ(add_body("hello"), "");
    ASSERT_EQ(inbox_.deliveries.size(), 1U);
    EXPECT_EQ(inbox_.deliveries[0].message.body, "hello");
}

TEST_F(MessageAssemblerTest, KeepsWhatItsMethodSaid) {
    begin_delivery();
    EXPECT_EQ(add_header(0), "");
    ASSERT_EQ(inbox_.deliveries.size(), 1U);
    EXPECT_EQ(inbox_.deliveries[0].delivery_tag, 7U);
    EXPECT_TRUE(inbox_.deliveries[0].redelivered);
    EXPECT_EQ(inbox_.deliveries[0].address, (rabbit::Address{"amq.topic", "a.b"}));
}

TEST_F(MessageAssemblerTest, KeepsItsProperties) {
    properties_._flags = AMQP_BASIC_MESSAGE_ID_FLAG;
    properties_.message_id = rabbit::to_amqp("42");
    begin_delivery();
    EXPECT_EQ(add_header(0), "");
    ASSERT_EQ(inbox_.deliveries.size(), 1U);
    ASSERT_TRUE(inbox_.deliveries[0].message.properties);
    EXPECT_EQ(inbox_.deliveries[0].message.properties->message_id, "42");
}

TEST_F(MessageAssemblerTest, WithAnEmptyBodyIsDeliveredWithItsHeader) {
    begin_delivery();
    EXPECT_EQ(add_header(0), "");
    ASSERT_EQ(inbox_.deliveries.size(), 1U);
    EXPECT_EQ(inbox_.deliveries[0].message.body, "");
    EXPECT_EQ(inbox_.deliveries[0].message.properties, nullptr);
}

TEST_F(MessageAssemblerTest, PutsABodyOfSeveralFramesTogether) {
    begin_delivery();
    EXPECT_EQ(add_header(8), "");
    EXPECT_EQ(add_body("ab"), "");
    EXPECT_EQ(add_body(""), "");
    EXPECT_EQ(add_body(std::string_view("c\0d", 3)), "");
    EXPECT_TRUE(inbox_.deliveries.empty());
    EXPECT_EQ(add_body("efg"), "");
    ASSERT_EQ(inbox_.deliveries.size(), 1U);
    EXPECT_EQ(inbox_.deliveries[0].message.body, std::string("abc\0defg", 8));
}

TEST_F(MessageAssemblerTest, OneAfterAnotherStaysApart) {
    for (const std::string_view body : {"first", "", "third"}) {
        begin_delivery();
        EXPECT_EQ(add_header(body.size()), "");
        if (!body.empty()) {
            EXPECT_EQ(add_body(body), "");
        }
    }
    ASSERT_EQ(inbox_.deliveries.size(), 3U);
    EXPECT_EQ(inbox_.deliveries[0].message.body, "first");
    EXPECT_EQ(inbox_.deliveries[1].message.body, "");
    EXPECT_EQ(inbox_.deliveries[2].message.body, "third");
}

TEST_F(MessageAssemblerTest, OfAReturnIsReturned) {
    begin_return();
    EXPECT_EQ(add_header(5), "");
    EXPECT_EQ(add_body("hello"), "");
    EXPECT_TRUE(inbox_.deliveries.empty());
    ASSERT_EQ(inbox_.returns.size(), 1U);
    EXPECT_EQ(inbox_.returns[0].reply_code, 312);
    EXPECT_EQ(inbox_.returns[0].reply_text, "NO_ROUTE");
    EXPECT_EQ(inbox_.returns[0].address, (rabbit::Address{"amq.topic", "a.b"}));
    EXPECT_EQ(inbox_.returns[0].message.body, "hello");
}

TEST_F(MessageAssemblerTest, IsBegunFromItsMethodToItsLastFrame) {
    EXPECT_FALSE(assembler_.begun());
    begin_delivery();
    EXPECT_TRUE(assembler_.begun());
    EXPECT_EQ(add_header(2), "");
    EXPECT_TRUE(assembler_.begun());
    EXPECT_EQ(add_body("a"), "");
    EXPECT_TRUE(assembler_.begun());
    EXPECT_EQ(add_body("b"), "");
    EXPECT_FALSE(assembler_.begun());
}

TEST_F(MessageAssemblerTest, SaysWhyPropertiesCannotBeRead) {
    begin_delivery();
    amqp_frame_t frame{};
    frame.frame_type = AMQP_FRAME_HEADER;
    frame.payload.properties.class_id = AMQP_BASIC_CLASS;
    frame.payload.properties.decoded = nullptr;
    EXPECT_EQ(inbox_.take(assembler_.add(frame)), "");
    ASSERT_EQ(inbox_.deliveries.size(), 1U);
    EXPECT_FALSE(inbox_.deliveries[0].message.properties);
    EXPECT_NE(inbox_.deliveries[0].message.unreadable, "");
}

TEST_F(MessageAssemblerTest, RefusesAHeaderWithoutAMethod) {
    EXPECT_NE(add_header(5), "");
}

TEST_F(MessageAssemblerTest, RefusesABodyWithoutAMethod) {
    EXPECT_NE(add_body("hello"), "");
}

TEST_F(MessageAssemblerTest, RefusesABodyBeforeItsHeader) {
    begin_delivery();
    EXPECT_NE(add_body("hello"), "");
    EXPECT_TRUE(inbox_.deliveries.empty());
}

TEST_F(MessageAssemblerTest, RefusesASecondHeader) {
    begin_delivery();
    EXPECT_EQ(add_header(5), "");
    EXPECT_NE(add_header(5), "");
    EXPECT_TRUE(inbox_.deliveries.empty());
}

TEST_F(MessageAssemblerTest, RefusesABodyAfterTheLastFrame) {
    begin_delivery();
    EXPECT_EQ(add_header(1), "");
    EXPECT_EQ(add_body("a"), "");
    EXPECT_NE(add_body("b"), "");
    EXPECT_EQ(inbox_.deliveries.size(), 1U);
}

TEST_F(MessageAssemblerTest, RefusesMoreBodyThanItsHeaderSaid) {
    begin_delivery();
    EXPECT_EQ(add_header(4), "");
    EXPECT_NE(add_body("hello"), "");
    EXPECT_TRUE(inbox_.deliveries.empty());
}

TEST_F(MessageAssemblerTest, RefusesAHeaderOfAnotherClass) {
    begin_delivery();
    EXPECT_NE(add_header(0, AMQP_QUEUE_CLASS), "");
    EXPECT_TRUE(inbox_.deliveries.empty());
}

TEST_F(MessageAssemblerTest, RefusesABodyThatNoBrokerLetsThrough) {
    begin_delivery();
    EXPECT_NE(add_header(rabbit::MessageAssembler::max_body + 1), "");
}

TEST_F(MessageAssemblerTest, TakesTheLargestBodyWithoutItsMemoryYet) {
    begin_delivery();
    EXPECT_EQ(add_header(rabbit::MessageAssembler::max_body), "");
    EXPECT_EQ(add_body("the first of many"), "");
    EXPECT_TRUE(assembler_.begun());
}

}  // namespace
