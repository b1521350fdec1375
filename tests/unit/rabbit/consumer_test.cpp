#include "rabbit/consumer.hpp"

#include "fake_broker.hpp"
#include "rabbit/error.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;

/// A consumer that acks, on a broker that a test scripts.
class ConsumerWithoutBroker : public testing::Test {
protected:
    ConsumerWithoutBroker()
        : connection(std::vector{rabbit::Endpoint()}, rabbit::ConnectionOptions{.retry_for = 5s}, broker.opener()),
          consumer(connection, {.queue = "hello", .no_ack = false, .prefetch = 10}) {}

    std::optional<rabbit::Delivery> next() { return consumer.next(rabbit::Clock::now() + 5s); }

    /// The acks that the broker has heard, once what is buffered has left.
    std::vector<std::uint64_t> acked() {
        connection.declare({.name = "hello", .passive = true});
        std::vector<std::uint64_t> tags;
        for (const auto& each : broker.heard) {
            if (each.method == AMQP_BASIC_ACK_METHOD) {
                tags.push_back(each.delivery_tag);
            }
        }
        return tags;
    }

    FakeBroker broker;
    rabbit::Connection connection;
    rabbit::Consumer consumer;
};

using Tags = std::vector<std::uint64_t>;

TEST_F(ConsumerWithoutBroker, HandsOutWhatArrivesInOrder) {
    broker.deliver(1, "a");
    broker.deliver(2, "b");
    EXPECT_EQ(next()->message.body, "a");
    EXPECT_EQ(next()->message.body, "b");
    EXPECT_FALSE(consumer.next(rabbit::Clock::now()));
}

/// As RabbitMQ does when a consumer without acks asks in the middle of many messages.
TEST_F(ConsumerWithoutBroker, GivesUpLookingAtTheQueueForAMessage) {
    broker.deliver(1, "a");
    EXPECT_FALSE(consumer.look_at_queue());
    broker.deliver(2, "b");
    EXPECT_EQ(consumer.arrived(), 1U);
    EXPECT_EQ(next()->message.body, "a");
    EXPECT_EQ(next()->message.body, "b");
    EXPECT_EQ(consumer.look_at_queue().value().name, "hello");  // the answer to the first question is passed over
    EXPECT_FALSE(consumer.next(rabbit::Clock::now()));
}

TEST_F(ConsumerWithoutBroker, AcksByTheBrokersTags) {
    broker.deliver(1, "a");
    broker.deliver(2, "b");
    next();
    consumer.ack(next()->delivery_tag);
    EXPECT_EQ(acked(), Tags{2});
}

TEST_F(ConsumerWithoutBroker, DeliveryTagsGoOnRisingAfterAReconnect) {
    broker.deliver(1, "a");
    broker.deliver(2, "b");
    const auto before = next()->delivery_tag;
    next();
    connection.reopen();
    consumer.resume("hello");
    broker.heard.clear();
    broker.deliver(1, "a");
    const auto after = next()->delivery_tag;
    EXPECT_GT(after, before);
    consumer.ack(before);  // the broker has taken it back: nothing is sent
    consumer.ack(after);
    EXPECT_EQ(acked(), Tags{1});
}

TEST_F(ConsumerWithoutBroker, ForgetsWhatHadArrivedBeforeAReconnect) {
    broker.deliver(1, "a");
    broker.deliver(2, "b");
    next();
    connection.reopen();
    consumer.resume("hello");
    broker.deliver(1, "again");
    EXPECT_EQ(next()->message.body, "again");
}

TEST_F(ConsumerWithoutBroker, CancelHandsOutWhatIsOnItsWay) {
    broker.deliver(1, "a");
    broker.deliver(2, "b");
    consumer.cancel();
    EXPECT_EQ(next()->message.body, "a");
    EXPECT_EQ(next()->message.body, "b");
    EXPECT_FALSE(next());
}

TEST_F(ConsumerWithoutBroker, IsEndedByTheBroker) {
    broker.say(with<amqp_basic_cancel_t>([&](auto& m) { m.consumer_tag = rabbit::to_amqp("consumer"); }));
    try {
        next();
        FAIL() << "nothing was thrown";
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(error.kind(), rabbit::ErrorKind::closed);
    }
}

TEST_F(ConsumerWithoutBroker, AMethodInTheMiddleOfAMessageEndsTheConnection) {
    broker.say(with<amqp_basic_deliver_t>([&](auto& m) {
        m.consumer_tag = rabbit::to_amqp("consumer");
        m.delivery_tag = 1;
    }));
    broker.say(with<amqp_basic_cancel_ok_t>([&](auto& m) { m.consumer_tag = rabbit::to_amqp("consumer"); }));
    try {
        next();
        FAIL() << "nothing was thrown";
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(error.kind(), rabbit::ErrorKind::lost);
    }
}

/// After set_deadline() no answer is waited for any longer, whatever reply_timeout says.
TEST_F(ConsumerWithoutBroker, AnAnswerIsWaitedForUntilTheDeadline) {
    const auto begun = rabbit::Clock::now();
    connection.set_deadline(begun + 200ms);
    try {
        connection.bind("hello", {"amq.direct", "key"});  // which this broker leaves unanswered
        FAIL() << "nothing was thrown";
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(error.kind(), rabbit::ErrorKind::lost);
        EXPECT_FALSE(connection.may_reopen(error));
    }
    EXPECT_GE(rabbit::Clock::now() - begun, 200ms);
    EXPECT_LT(rabbit::Clock::now() - begun, 5s);
}

TEST_F(ConsumerWithoutBroker, RenewedItConsumesOnTheSameChannel) {
    broker.deliver(1, "a");
    EXPECT_EQ(next()->message.body, "a");
    broker.heard.clear();
    consumer.renew(20);
    std::vector<amqp_method_number_t> methods;
    for (const auto& each : broker.heard) {
        methods.push_back(each.method);
    }
    EXPECT_EQ(methods, (std::vector<amqp_method_number_t>{AMQP_BASIC_CANCEL_METHOD, AMQP_BASIC_QOS_METHOD,
                                                          AMQP_BASIC_CONSUME_METHOD}));
    broker.deliver(2, "b");
    EXPECT_EQ(next()->message.body, "b");
    consumer.ack(1);
    EXPECT_EQ(acked(), Tags{1});
}

TEST_F(ConsumerWithoutBroker, AwaitsTheQueueByASecondConsumerAndGoesOn) {
    broker.deliver(1, "a");
    broker.heard.clear();
    consumer.await_queue({});
    std::vector<amqp_method_number_t> methods;
    for (const auto& each : broker.heard) {
        methods.push_back(each.method);
    }
    EXPECT_EQ(methods, (std::vector<amqp_method_number_t>{AMQP_BASIC_QOS_METHOD, AMQP_BASIC_CONSUME_METHOD,
                                                          AMQP_BASIC_CANCEL_METHOD}));
    EXPECT_EQ(next()->message.body, "a");
    broker.deliver(2, "b");
    EXPECT_EQ(next()->message.body, "b");
}

TEST_F(ConsumerWithoutBroker, DoesNotAwaitAQueueThatIsGone) {
    broker.say(with<amqp_basic_cancel_t>([&](auto& m) { m.consumer_tag = rabbit::to_amqp("consumer"); }));
    EXPECT_THROW(next(), rabbit::Error);
    broker.heard.clear();
    consumer.await_queue({});
    EXPECT_TRUE(broker.heard.empty());
}

TEST_F(ConsumerWithoutBroker, RenewedItHandsOutWhatWasOnItsWay) {
    broker.deliver(1, "a");
    consumer.renew(20);
    EXPECT_EQ(next()->message.body, "a");
}

}  // namespace
