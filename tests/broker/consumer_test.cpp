#include "broker.hpp"

#include "codec/properties_codec.hpp"
#include "rabbit/consumer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <poll.h>

namespace {

using namespace broker;
using rabbit::ErrorKind;

class ConsumerTest : public broker::Test {
protected:
    [[nodiscard]] rabbit::ConsumerOptions of_queue() const {
        rabbit::ConsumerOptions options;
        options.queue = queue();
        return options;
    }

    [[nodiscard]] rabbit::ConsumerOptions acking(std::uint16_t prefetch = 0) const {
        auto options = of_queue();
        options.no_ack = false;
        options.prefetch = prefetch;
        return options;
    }

    /// Declares queue() with the messages "0", "1", ...
    void fill_queue(std::uint32_t count) {
        declare_queue();
        for (std::uint32_t i = 0; i < count; ++i) {
            witness().publish("", queue(), std::to_string(i));
        }
        ASSERT_EQ(witness().count(queue()), count);
    }

    /// The next `count` messages, which must come.
    static std::vector<rabbit::Delivery> receive(rabbit::Consumer& consumer, std::size_t count) {
        std::vector<rabbit::Delivery> deliveries;
        while (deliveries.size() < count) {
            auto delivery = consumer.next(in(patience));
            if (!delivery) {
                ADD_FAILURE() << deliveries.size() << " of " << count << " came";
                break;
            }
            deliveries.push_back(std::move(*delivery));
        }
        return deliveries;
    }

    static std::vector<std::string> bodies(const std::vector<rabbit::Delivery>& deliveries) {
        std::vector<std::string> result;
        std::transform(deliveries.begin(), deliveries.end(), std::back_inserter(result),
                       [](const rabbit::Delivery& delivery) { return delivery.message.body; });
        return result;
    }
};

using Bodies = std::vector<std::string>;

TEST_F(ConsumerTest, ReceivesInOrder) {
    fill_queue(1000);
    auto connection = connect();
    rabbit::Consumer consumer(connection, of_queue());
    const auto deliveries = receive(consumer, 1000);
    for (std::size_t i = 0; i < deliveries.size(); ++i) {
        ASSERT_EQ(deliveries[i].message.body, std::to_string(i));
        ASSERT_EQ(deliveries[i].delivery_tag, i + 1);
    }
}

TEST_F(ConsumerTest, ReceivesWhatComesLater) {
    declare_queue();
    auto connection = connect();
    rabbit::Consumer consumer(connection, of_queue());
    for (int i = 0; i < 10; ++i) {
        witness().publish("", queue(), std::to_string(i));
        EXPECT_EQ(bodies(receive(consumer, 1)), Bodies{std::to_string(i)});
    }
}

TEST_F(ConsumerTest, ReceivesAddressAndEveryProperty) {
    const rabbit::Properties sent{.content_type = "text/plain",
                                  .content_encoding = "identity",
                                  .headers = rabbit::Table{{"answer", {std::int32_t{42}}}},
                                  .delivery_mode = 1,
                                  .priority = 3,
                                  .correlation_id = "correlation",
                                  .reply_to = "answers",
                                  .expiration = "600000",
                                  .message_id = "id",
                                  .timestamp = rabbit::Timestamp{1'700'000'001},
                                  .type = "greeting",
                                  .user_id = endpoint().user,
                                  .app_id = "tests",
                                  .cluster_id = "cluster"};
    declare_queue();
    witness().bind(queue(), "amq.topic", queue() + ".*");
    const rabbit::PropertiesView properties(sent);
    witness().publish("amq.topic", queue() + ".key", "hello", &properties.get());
    auto connection = connect();
    rabbit::Consumer consumer(connection, of_queue());
    const auto deliveries = receive(consumer, 1);
    ASSERT_EQ(deliveries.size(), 1U);
    EXPECT_EQ(deliveries[0].message.body, "hello");
    EXPECT_FALSE(deliveries[0].redelivered);
    EXPECT_EQ(deliveries[0].address, (rabbit::Address{"amq.topic", queue() + ".key"}));
    ASSERT_TRUE(deliveries[0].message.properties);
    EXPECT_TRUE(*deliveries[0].message.properties == sent);
}

TEST_F(ConsumerTest, ReceivesEmptyAndLargeBodies) {
    declare_queue();
    std::string large(3'000'000, '\0');
    for (std::size_t i = 0; i < large.size(); ++i) {
        large[i] = static_cast<char>(i * 7 % 251);
    }
    for (const auto* body : {"", "x", ""}) {
        witness().publish("", queue(), body);
    }
    witness().publish("", queue(), large);
    witness().publish("", queue(), "");
    auto connection = connect();
    rabbit::Consumer consumer(connection, of_queue());
    EXPECT_TRUE(bodies(receive(consumer, 5)) == (Bodies{"", "x", "", large, ""}));
}

TEST_F(ConsumerTest, TellsThatAMessageIsRedelivered) {
    fill_queue(1);
    EXPECT_TRUE(Witness(endpoint()).get(queue(), false));
    auto connection = connect();
    rabbit::Consumer consumer(connection, of_queue());
    const auto deliveries = receive(consumer, 1);
    ASSERT_EQ(deliveries.size(), 1U);
    EXPECT_TRUE(deliveries[0].redelivered);
}

TEST_F(ConsumerTest, ComesBackEmptyAtItsDeadline) {
    declare_queue();
    auto connection = connect();
    rabbit::Consumer consumer(connection, of_queue());
    const auto deadline = rabbit::Clock::now() + 200ms;
    EXPECT_FALSE(consumer.next(deadline));
    EXPECT_GE(rabbit::Clock::now(), deadline);
}

TEST_F(ConsumerTest, ComesBackEmptyForAWatchedDescriptor) {
    declare_queue();
    auto connection = connect();
    rabbit::Consumer consumer(connection, of_queue());
    Pipe pipe;
    pipe.write();
    std::array<pollfd, 1> watched{{{pipe.read_end(), POLLIN, 0}}};
    EXPECT_FALSE(consumer.next(in(patience), watched));
    EXPECT_EQ(watched[0].revents, POLLIN);
}

TEST_F(ConsumerTest, AnInterruptEndsTheWaitOnceAndLosesNothing) {
    declare_queue();
    Pipe interrupt;
    rabbit::ConnectionOptions options;
    options.interrupt = interrupt.read_end();
    auto connection = connect(options);
    rabbit::Consumer consumer(connection, of_queue());
    interrupt.write();
    EXPECT_EQ(error_of([&] { consumer.next(in(patience)); }).kind(), ErrorKind::interrupted);
    witness().publish("", queue(), "afterwards");
    EXPECT_EQ(bodies(receive(consumer, 1)), Bodies{"afterwards"});
}

TEST_F(ConsumerTest, HasNothingBufferedWhenNothingCame) {
    declare_queue();
    auto connection = connect();
    rabbit::Consumer consumer(connection, of_queue());
    EXPECT_FALSE(consumer.next_buffered());
}

TEST_F(ConsumerTest, TakesWhatIsBufferedInOrder) {
    fill_queue(100);
    auto connection = connect();
    rabbit::Consumer consumer(connection, of_queue());
    Bodies received;
    while (received.size() < 100) {
        auto delivery = consumer.next_buffered();
        if (!delivery) {
            delivery = consumer.next(in(patience));
        }
        ASSERT_TRUE(delivery);
        received.push_back(delivery->message.body);
        ASSERT_EQ(received.back(), std::to_string(received.size() - 1));
    }
}

TEST_F(ConsumerTest, CancelledHandsOutTheRestAndEnds) {
    fill_queue(10);
    auto connection = connect();
    rabbit::Consumer consumer(connection, of_queue());
    EXPECT_EQ(bodies(receive(consumer, 3)), (Bodies{"0", "1", "2"}));
    consumer.cancel();
    Bodies rest;
    while (auto delivery = consumer.next(in(patience))) {
        rest.push_back(delivery->message.body);
    }
    EXPECT_EQ(rest.size() + witness().count(queue()), 7U);
    EXPECT_FALSE(consumer.next(in(patience))) << "ended, and stays so";
    EXPECT_EQ(connection.declare({.name = queue(), .passive = true, .arguments = {}}).consumer_count, 0U);
    EXPECT_NO_THROW(connection.close());
}

TEST_F(ConsumerTest, CancelledInTheMiddleOfAFloodLosesNothing) {
    constexpr std::uint32_t published = 20'000;
    fill_queue(published);
    auto connection = connect();
    rabbit::Consumer consumer(connection, of_queue());
    std::uint32_t received = 0;
    const auto take_one = [&] {
        const auto delivery = consumer.next(in(patience));
        if (delivery) {
            EXPECT_EQ(delivery->message.body, std::to_string(received));
            ++received;
        }
        return delivery.has_value();
    };
    while (received < 100 && take_one()) {
    }
    consumer.cancel();
    while (take_one()) {
    }
    connection.close();
    const auto left = witness().count(queue());
    EXPECT_EQ(received + left, published);
    if (left > 0) {
        EXPECT_EQ(take(endpoint(), queue(), left).front(), std::to_string(received));
    }
}

TEST_F(ConsumerTest, AQueueThatIsDeletedEndsIt) {
    declare_queue();
    auto connection = connect();
    rabbit::Consumer consumer(connection, of_queue());
    witness().remove(queue());
    const auto error = error_of([&] { consumer.next(in(patience)); });
    EXPECT_EQ(error.kind(), ErrorKind::closed);
    EXPECT_NE(std::string(error.what()).find(queue()), std::string::npos) << error.what();
    EXPECT_NO_THROW(connection.close());
}

TEST_F(ConsumerTest, WhatCameBeforeTheQueueWasDeletedIsHandedOutFirst) {
    fill_queue(10);
    auto connection = connect();
    rabbit::Consumer consumer(connection, of_queue());
    EXPECT_EQ(bodies(receive(consumer, 1)), Bodies{"0"});
    await_count(0);  // the broker has sent them all
    witness().remove(queue());
    EXPECT_EQ(receive(consumer, 9).size(), 9U);
    EXPECT_EQ(error_of([&] { consumer.next(in(patience)); }).kind(), ErrorKind::closed);
}

TEST_F(ConsumerTest, AMissingQueueClosesTheChannel) {
    auto connection = connect();
    const auto error = error_of([&] { const rabbit::Consumer consumer(connection, of_queue()); });
    EXPECT_EQ(error.kind(), ErrorKind::closed);
    EXPECT_EQ(error.reply_code(), 404);
    EXPECT_EQ(std::string(error.what()).find("cannot consume from queue '" + queue() + "': 404 NOT_FOUND"), 0U)
        << error.what();
}

TEST_F(ConsumerTest, AQueueThatAnotherHasForItselfIsRefused) {
    declare_queue();
    auto exclusive = of_queue();
    exclusive.exclusive = true;
    auto first = connect();
    rabbit::Consumer consumer(first, exclusive);
    auto second = connect();
    const auto error = error_of([&] { const rabbit::Consumer late(second, of_queue()); });
    EXPECT_EQ(error.kind(), ErrorKind::refused);
    EXPECT_EQ(error.reply_code(), 403);
}

TEST_F(ConsumerTest, TakesATagOfItsOwn) {
    fill_queue(1);
    auto options = of_queue();
    options.consumer_tag = "tests";
    auto connection = connect();
    rabbit::Consumer consumer(connection, options);
    EXPECT_EQ(bodies(receive(consumer, 1)), Bodies{"0"});
    consumer.cancel();
    EXPECT_FALSE(consumer.next(in(patience)));
}

TEST_F(ConsumerTest, ATagOfMoreThan255BytesIsInvalidAndHarmless) {
    fill_queue(1);
    auto connection = connect();
    auto options = of_queue();
    options.consumer_tag = std::string(256, 't');
    EXPECT_EQ(error_of([&] { const rabbit::Consumer consumer(connection, options); }).kind(), ErrorKind::invalid);
    rabbit::Consumer consumer(connection, of_queue());
    EXPECT_EQ(bodies(receive(consumer, 1)), Bodies{"0"});
}

TEST_F(ConsumerTest, PassesItsArguments) {
    fill_queue(1);
    auto low = of_queue();
    low.arguments = {{"x-priority", {std::string("not a number")}}};
    auto connection = connect();
    EXPECT_EQ(error_of([&] { const rabbit::Consumer consumer(connection, low); }).reply_code(), 406);
}

TEST_F(ConsumerTest, GetsNoMoreThanItsPrefetchBeforeItAcks) {
    fill_queue(15);
    auto connection = connect();
    rabbit::Consumer consumer(connection, acking(10));
    EXPECT_EQ(receive(consumer, 10).size(), 10U);
    EXPECT_FALSE(consumer.next(in(300ms)));
    EXPECT_EQ(witness().count(queue()), 5U);
}

TEST_F(ConsumerTest, AwaitsItsQueueAndHandsOutWhatCameMeanwhile) {
    fill_queue(3);
    auto connection = connect();
    rabbit::Consumer consumer(connection, acking(2));
    consumer.await_queue({{"x-priority", {std::int32_t{-1}}}});  // there is room for one more meanwhile
    EXPECT_EQ(bodies(receive(consumer, 3)), (std::vector<std::string>{"0", "1", "2"}));
    consumer.ack_up_to(3);
    witness().publish("", queue(), "3");
    EXPECT_EQ(bodies(receive(consumer, 1)), std::vector<std::string>{"3"});
}

TEST_F(ConsumerTest, GetsMoreOnceItAcks) {
    fill_queue(15);
    auto connection = connect();
    rabbit::Consumer consumer(connection, acking(10));
    consumer.ack_up_to(receive(consumer, 10).back().delivery_tag);
    EXPECT_EQ(bodies(receive(consumer, 5)), (Bodies{"10", "11", "12", "13", "14"}));
}

TEST_F(ConsumerTest, WhatWasNotAckedGoesBackWithItsConnection) {
    fill_queue(4);
    {
        auto connection = connect();
        rabbit::Consumer consumer(connection, acking());
        consumer.ack_up_to(receive(consumer, 4)[1].delivery_tag);
        connection.close();
    }
    EXPECT_EQ(take(endpoint(), queue(), 2), (Bodies{"2", "3"}));
    EXPECT_EQ(witness().count(queue()), 0U);
}

TEST_F(ConsumerTest, AcksOneAlone) {
    fill_queue(3);
    {
        auto connection = connect();
        rabbit::Consumer consumer(connection, acking());
        consumer.ack(receive(consumer, 3)[1].delivery_tag);
        connection.close();
    }
    EXPECT_EQ(take(endpoint(), queue(), 2), (Bodies{"0", "2"}));
}

TEST_F(ConsumerTest, ARejectPutsAMessageBackOrDropsIt) {
    fill_queue(3);
    auto connection = connect();
    rabbit::Consumer consumer(connection, acking());
    const auto deliveries = receive(consumer, 3);
    consumer.reject(deliveries[0].delivery_tag, false);
    consumer.reject(deliveries[2].delivery_tag, true);
    const auto again = receive(consumer, 1);
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].message.body, "2");
    EXPECT_TRUE(again[0].redelivered);
    connection.close();
    EXPECT_EQ(take(endpoint(), queue(), 2), (Bodies{"1", "2"}));
    EXPECT_EQ(witness().count(queue()), 0U);
}

TEST_F(ConsumerTest, NackAllGivesBackWhatIsNotAcked) {
    fill_queue(5);
    {
        auto connection = connect();
        rabbit::Consumer consumer(connection, acking());
        const auto deliveries = receive(consumer, 5);
        consumer.cancel();
        consumer.ack_up_to(deliveries[1].delivery_tag);
        consumer.nack_all();
        connection.declare({.name = queue(), .passive = true});  // the connection goes on
        EXPECT_EQ(take(endpoint(), queue(), 3), (Bodies{"2", "3", "4"}));
        connection.close();
    }
    EXPECT_EQ(witness().count(queue()), 0U);
}

TEST_F(ConsumerTest, NackAllOfNothingIsNoError) {
    fill_queue(0);
    auto connection = connect();
    rabbit::Consumer consumer(connection, acking());
    consumer.cancel();
    consumer.nack_all();
    connection.close();
}

TEST_F(ConsumerTest, WhatIsNotAckedGoesBackInOrderWithItsConnection) {
    fill_queue(100);
    auto connection = connect();
    rabbit::Consumer consumer(connection, acking());
    consumer.ack_up_to(receive(consumer, 50)[29].delivery_tag);
    consumer.cancel();
    while (consumer.next(in(patience))) {
    }
    connection.close();
    await_count(70);
    const auto left = take(endpoint(), queue(), 70);
    for (std::size_t i = 0; i < left.size(); ++i) {
        ASSERT_EQ(left[i], std::to_string(i + 30));
    }
}

TEST_F(ConsumerTest, AnAckOfWhatWasNotDeliveredClosesTheChannel) {
    fill_queue(1);
    auto connection = connect();
    rabbit::Consumer consumer(connection, acking());
    consumer.ack(receive(consumer, 1)[0].delivery_tag + 1);
    const auto error = error_of([&] { consumer.next(in(patience)); });
    EXPECT_EQ(error.kind(), ErrorKind::closed);
    EXPECT_EQ(error.reply_code(), 406);
}

TEST_F(ConsumerTest, ALostBrokerEndsIt) {
    declare_queue();
    Proxy proxy(endpoint());
    rabbit::Connection connection(proxy.endpoint());
    rabbit::Consumer consumer(connection, of_queue());
    proxy.cut();
    EXPECT_EQ(error_of([&] { consumer.next(in(patience)); }).kind(), ErrorKind::lost);
}

TEST_F(ConsumerTest, ResumesWithWhatWasNotAckedAfterItsConnectionWasLost) {
    fill_queue(10);
    Proxy proxy(endpoint());
    rabbit::Connection connection(proxy.endpoint());
    rabbit::Consumer consumer(connection, acking(6));
    const auto before = receive(consumer, 4);
    ASSERT_EQ(before.size(), 4U);
    consumer.ack_up_to(before[1].delivery_tag);
    EXPECT_EQ(bodies(receive(consumer, 4)), (Bodies{"4", "5", "6", "7"})) << "so that the ack has been read";
    proxy.cut();
    EXPECT_EQ(error_of([&] {
                  while (consumer.next(in(patience))) {
                  }
              }).kind(),
              ErrorKind::lost);
    await_count(8);  // the broker has noticed
    connection.reopen();
    consumer.resume(queue());
    const auto after = receive(consumer, 6);
    ASSERT_EQ(after.size(), 6U);
    auto again = bodies(after);
    EXPECT_EQ(again, (Bodies{"2", "3", "4", "5", "6", "7"}));
    EXPECT_GT(after[0].delivery_tag, before[3].delivery_tag) << "tags go on rising";
    consumer.ack_up_to(before[3].delivery_tag);  // of the lost connection: without effect
    consumer.ack_up_to(after[5].delivery_tag);
    EXPECT_EQ(bodies(receive(consumer, 2)), (Bodies{"8", "9"}));
    connection.close();
    EXPECT_EQ(take(endpoint(), queue(), 2), (Bodies{"8", "9"}));
    EXPECT_EQ(witness().count(queue()), 0U);
}

TEST_F(ConsumerTest, ResumesAnAutoAckingConsumerWithoutLosingWhatHadArrived) {
    fill_queue(100);
    Proxy proxy(endpoint());
    rabbit::Connection connection(proxy.endpoint());
    rabbit::Consumer consumer(connection, of_queue());
    auto received = bodies(receive(consumer, 1));
    await_count(0);  // the broker has sent them all
    proxy.cut();
    const auto lost = error_of([&] {
        while (auto delivery = consumer.next(in(patience))) {
            received.push_back(delivery->message.body);
        }
    });
    EXPECT_EQ(lost.kind(), ErrorKind::lost);
    connection.reopen();
    consumer.resume(queue());
    witness().publish("", queue(), "afterwards");
    while (received.back() != "afterwards") {
        const auto next = receive(consumer, 1);
        ASSERT_EQ(next.size(), 1U);
        received.push_back(next[0].message.body);
    }
    for (std::size_t i = 0; i + 1 < received.size(); ++i) {
        ASSERT_EQ(received[i], std::to_string(i)) << "in order, and none twice";
    }
}

}  // namespace
