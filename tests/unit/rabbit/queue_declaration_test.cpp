#include "fake_broker.hpp"
#include "rabbit/consumer.hpp"
#include "rabbit/error.hpp"
#include "rabbit/publisher.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;

/// A connection whose options ask for the queue hello.
class QueueDeclaredWithTheConnection : public testing::Test {
protected:
    QueueDeclaredWithTheConnection()
        : connection(std::vector{rabbit::Endpoint()}, rabbit::ConnectionOptions{.declare = hello}, broker.opener()) {}

    /// How often the broker has heard queue.declare.
    [[nodiscard]] std::ptrdiff_t declared() const {
        return std::count_if(broker.heard.begin(), broker.heard.end(),
                             [](const auto& each) { return each.method == AMQP_QUEUE_DECLARE_METHOD; });
    }

    const rabbit::QueueOptions hello{.name = "hello"};
    const rabbit::QueueOptions other{.name = "other"};
    FakeBroker broker;
    rabbit::Connection connection;
};

TEST_F(QueueDeclaredWithTheConnection, IsAskedForInOneGo) {
    const int header_and_start_ok = 2;
    EXPECT_EQ(broker.writes, header_and_start_ok + 1);
    EXPECT_EQ(declared(), 1);
    EXPECT_EQ(connection.declare(hello).name, "hello");
    EXPECT_EQ(broker.writes, header_and_start_ok + 1);
    EXPECT_EQ(declared(), 1);
}

TEST_F(QueueDeclaredWithTheConnection, IsAskedForOnceOnly) {
    connection.declare(hello);
    EXPECT_EQ(connection.declare(hello).name, "hello");
    EXPECT_EQ(declared(), 2);
    connection.reopen();
    EXPECT_EQ(broker.connections(), 2);
    EXPECT_EQ(declared(), 2);
}

TEST_F(QueueDeclaredWithTheConnection, IsAskedForAgainWhileNobodyHasWaitedForTheAnswer) {
    connection.reopen();
    EXPECT_EQ(declared(), 2);
    EXPECT_EQ(connection.declare(hello).name, "hello");
    EXPECT_EQ(declared(), 2);
}

TEST_F(QueueDeclaredWithTheConnection, IsPassedOverWhenAnotherIsDeclared) {
    EXPECT_EQ(connection.declare(other).name, "other");
    EXPECT_EQ(declared(), 2);
    EXPECT_EQ(connection.declare(hello).name, "hello");
    EXPECT_EQ(declared(), 3);
}

TEST_F(QueueDeclaredWithTheConnection, IsAnotherWithOtherProperties) {
    auto durable = hello;
    durable.durable = true;
    EXPECT_EQ(connection.declare(durable).name, "hello");
    EXPECT_EQ(declared(), 2);
}

TEST_F(QueueDeclaredWithTheConnection, NeedsNobodyToWaitForTheAnswer) {
    broker.on_frame = [this](const amqp_frame_t& frame) {
        if (frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_BASIC_PUBLISH_METHOD) {
            broker.ack(1);
        }
    };
    rabbit::Consumer consumer(connection, {.queue = "hello"});
    rabbit::Publisher publisher(connection);
    publisher.publish({"", "hello"}, {.body = "a"});
    EXPECT_TRUE(publisher.settle(rabbit::Clock::now() + 5s));
    EXPECT_NO_THROW(connection.close());
}

/// The fake broker has said declare-ok already; what comes before it is the answer to something else.
TEST_F(QueueDeclaredWithTheConnection, IsNotTakenForAnotherWhoseWaitWasGivenUp) {
    rabbit::Consumer consumer(connection, {.queue = "other"});
    broker.deliver(1, "a");
    EXPECT_FALSE(consumer.look_at_queue());
    EXPECT_EQ(connection.declare(hello).name, "hello");
}

TEST_F(QueueDeclaredWithTheConnection, IsAnErrorOfWhatIsCalledFirst) {
    broker.refuses_queues = true;
    connection.reopen();
    broker.refuses_queues = false;
    const auto failure = [](const auto& call) {
        try {
            call();
        } catch (const rabbit::Error& error) {
            return error;
        }
        ADD_FAILURE() << "no error";
        return rabbit::Error(rabbit::ErrorKind::invalid, "", "");
    };
    EXPECT_EQ(failure([&] { connection.bind("hello", {"amq.topic", "a"}); }).reply_code(), AMQP_PRECONDITION_FAILED);
    EXPECT_EQ(failure([&] { connection.declare(hello); }).kind(), rabbit::ErrorKind::closed);
    connection.reopen_channel();
    EXPECT_EQ(connection.declare(hello).name, "hello");
}

TEST(QueueDeclaredWithAConnection, MayTakeLongToSend) {
    FakeBroker broker;
    broker.takes = 1000;
    const rabbit::QueueOptions large{.name = "hello", .arguments = {{"x-large", {std::string(20'000, 'x')}}}};
    rabbit::Connection connection(std::vector{rabbit::Endpoint()}, rabbit::ConnectionOptions{.declare = large},
                                  broker.opener());
    EXPECT_EQ(connection.declare(large).name, "hello");
}

TEST(QueueDeclaredWithAConnection, MustNotHaveTooLongAName) {
    FakeBroker broker;
    try {
        const rabbit::Connection connection(std::vector{rabbit::Endpoint()},
                                            rabbit::ConnectionOptions{.declare = {{.name = std::string(256, 'q')}}},
                                            broker.opener());
        FAIL() << "connected";
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(error.kind(), rabbit::ErrorKind::invalid) << error.what();
    }
}

}  // namespace
