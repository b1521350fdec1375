#include "broker.hpp"

#include "rabbit/publisher.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <poll.h>

namespace {

using namespace broker;
using rabbit::ErrorKind;
using rabbit::Outcome;
using rabbit::WaitResult;

/// What became of the messages, by number.
struct Settled {
    Outcome outcome;
    int reply_code;
    std::string body;
};

class PublisherTest : public broker::Test {
protected:
    /// Notes what is settled in settled_.
    rabbit::PublisherOptions noting() {
        rabbit::PublisherOptions options;
        options.on_settled = [this](const rabbit::Settlement& settled) {
            const Settled each{settled.outcome, settled.reply_code, std::string(settled.body)};
            EXPECT_TRUE(settled_.try_emplace(settled.number, each).second)
                << "message " << settled.number << " was settled twice";
        };
        return options;
    }

    [[nodiscard]] rabbit::Address address() const { return {"", queue()}; }

    static rabbit::Message message(std::string body) { return {std::move(body), nullptr}; }

    void expect_all(Outcome outcome, std::size_t count) const {
        EXPECT_EQ(settled_.size(), count);
        for (const auto& [number, settled] : settled_) {
            EXPECT_EQ(settled.outcome, outcome) << "message " << number;
        }
    }

    /// Any bytes, the same in every run.
    static std::string bytes(std::size_t size) {
        std::string result(size, '\0');
        std::uint32_t state = 20240229;
        for (auto& each : result) {
            state = state * 1664525 + 1013904223;
            each = static_cast<char>(state >> 24);
        }
        return result;
    }

    std::map<std::uint64_t, Settled> settled_;
};

TEST_F(PublisherTest, AConfirmedMessageIsInTheQueue) {
    declare_queue();
    auto connection = connect();
    rabbit::Publisher publisher(connection, noting());
    publisher.publish(address(), message("hello"));
    EXPECT_TRUE(publisher.settle(in(patience)));
    expect_all(Outcome::confirmed, 1);
    const auto got = witness().get(queue());
    ASSERT_TRUE(got);
    EXPECT_EQ(got->body, "hello");
    EXPECT_EQ(got->address, address());
    EXPECT_EQ(got->properties, nullptr);
}

TEST_F(PublisherTest, KeepsTheOrder) {
    declare_queue();
    auto connection = connect();
    rabbit::Publisher publisher(connection, noting());
    for (int i = 1; i <= 1000; ++i) {
        publisher.publish(address(), message(std::to_string(i)));
    }
    EXPECT_TRUE(publisher.settle(in(patience)));
    expect_all(Outcome::confirmed, 1000);
    const auto bodies = take(endpoint(), queue(), 1000);
    for (std::size_t i = 0; i < bodies.size(); ++i) {
        ASSERT_EQ(bodies[i], std::to_string(i + 1));
    }
}

TEST_F(PublisherTest, CountsWhatIsPublishedAndInFlight) {
    declare_queue();
    auto connection = connect();
    rabbit::Publisher publisher(connection);
    EXPECT_EQ(publisher.published(), 0U);
    EXPECT_EQ(publisher.first_unsettled(), 1U);
    publisher.publish(address(), message("one"));
    publisher.publish(address(), message("two"));
    EXPECT_EQ(publisher.published(), 2U);
    EXPECT_EQ(publisher.first_unsettled(), 1U);
    EXPECT_EQ(publisher.in_flight(), 2U) << "nothing is read where nothing is waited for";
    EXPECT_TRUE(publisher.settle(in(patience)));
    EXPECT_EQ(publisher.published(), 2U);
    EXPECT_EQ(publisher.first_unsettled(), 3U);
    EXPECT_EQ(publisher.in_flight(), 0U);
}

TEST_F(PublisherTest, SettlesAtOnceWhenNothingIsInFlight) {
    auto connection = connect();
    rabbit::Publisher publisher(connection);
    EXPECT_TRUE(publisher.settle(rabbit::Clock::now()));
}

TEST_F(PublisherTest, TellsThatADeadlineCameBeforeTheConfirms) {
    declare_queue();
    Proxy proxy(endpoint());
    rabbit::Connection connection(proxy.endpoint());
    rabbit::Publisher publisher(connection);
    proxy.hold();
    publisher.publish(address(), message("hello"));
    EXPECT_FALSE(publisher.settle(in(200ms)));
    EXPECT_EQ(publisher.in_flight(), 1U);
    EXPECT_EQ(publisher.first_unsettled(), 1U);
}

TEST_F(PublisherTest, AMessageForNoQueueIsReturned) {
    auto connection = connect();
    rabbit::Publisher publisher(connection, noting());
    publisher.publish(address(), message("hello"));
    EXPECT_TRUE(publisher.settle(in(patience)));
    expect_all(Outcome::returned, 1);
    EXPECT_EQ(settled_.at(1).reply_code, 312);
    EXPECT_EQ(settled_.at(1).body, "hello");
}

TEST_F(PublisherTest, AReturnCarriesTheBrokersTextAndTheAddress) {
    auto connection = connect();
    rabbit::PublisherOptions options;
    bool told = false;
    options.on_settled = [&](const rabbit::Settlement& settled) {
        told = true;
        EXPECT_EQ(settled.reply_text, "NO_ROUTE");
        EXPECT_EQ(settled.address, (rabbit::Address{"amq.topic", queue()}));
    };
    rabbit::Publisher publisher(connection, options);
    publisher.publish({"amq.topic", queue()}, message("hello"));
    EXPECT_TRUE(publisher.settle(in(patience)));
    EXPECT_TRUE(told);
}

TEST_F(PublisherTest, TellsReturnedFromConfirmedInOneStream) {
    declare_queue();
    auto connection = connect();
    auto options = noting();
    options.window = 50;
    rabbit::Publisher publisher(connection, options);
    const auto is_lost = [](int number) { return number % 7 == 0 || number % 5 == 1; };
    for (int i = 1; i <= 2000; ++i) {
        publisher.publish(is_lost(i) ? rabbit::Address{"amq.topic", queue()} : address(), message(std::to_string(i)));
    }
    EXPECT_TRUE(publisher.settle(in(patience)));
    ASSERT_EQ(settled_.size(), 2000U);
    std::uint32_t kept = 0;
    for (int i = 1; i <= 2000; ++i) {
        const auto& settled = settled_.at(static_cast<std::uint64_t>(i));
        ASSERT_EQ(settled.outcome, is_lost(i) ? Outcome::returned : Outcome::confirmed) << "message " << i;
        ASSERT_EQ(settled.reply_code, is_lost(i) ? 312 : 0) << "message " << i;
        ASSERT_EQ(settled.body, std::to_string(i));
        kept += is_lost(i) ? 0 : 1;
    }
    EXPECT_EQ(witness().count(queue()), kept);
}

TEST_F(PublisherTest, MessagesThatAreAlikeAreEachReturned) {
    auto connection = connect();
    auto options = noting();
    options.window = 100;
    rabbit::Publisher publisher(connection, options);
    for (int i = 0; i < 3000; ++i) {
        publisher.publish(address(), message("the same"));
    }
    EXPECT_TRUE(publisher.settle(in(patience)));
    expect_all(Outcome::returned, 3000);
}

TEST_F(PublisherTest, ALargeMessageIsReturnedWhole) {
    auto connection = connect();
    rabbit::Publisher publisher(connection, noting());
    const auto body = bytes(1 << 20);
    publisher.publish(address(), message(body));
    EXPECT_TRUE(publisher.settle(in(patience)));
    expect_all(Outcome::returned, 1);
    EXPECT_TRUE(settled_.at(1).body == body);
}

TEST_F(PublisherTest, AFullQueueThatRejectsNacks) {
    witness().declare(
        queue(), {.durable = false,
                  .exclusive = false,
                  .arguments = {{"x-max-length", {std::int32_t{1}}}, {"x-overflow", {std::string("reject-publish")}}}});
    auto connection = connect();
    rabbit::Publisher publisher(connection, noting());
    publisher.publish(address(), message("fits"));
    EXPECT_TRUE(publisher.settle(in(patience)));
    for (int i = 2; i <= 20; ++i) {
        publisher.publish(address(), message(std::to_string(i)));
    }
    EXPECT_TRUE(publisher.settle(in(patience)));
    ASSERT_EQ(settled_.size(), 20U);
    for (const auto& [number, settled] : settled_) {
        EXPECT_EQ(settled.outcome, number == 1 ? Outcome::confirmed : Outcome::nacked) << "message " << number;
        EXPECT_EQ(settled.reply_code, 0);
    }
    EXPECT_EQ(publisher.first_unsettled(), 21U);
    EXPECT_EQ(witness().count(queue()), 1U);
}

TEST_F(PublisherTest, PutsManyThroughASmallWindow) {
    constexpr std::uint32_t count = 50'000;
    declare_queue();
    auto connection = connect();
    rabbit::PublisherOptions options;
    options.window = 100;
    std::uint64_t confirmed = 0;
    options.on_settled = [&confirmed](const rabbit::Settlement& settled) {
        confirmed += settled.outcome == Outcome::confirmed ? 1 : 0;
    };
    rabbit::Publisher publisher(connection, options);
    for (std::uint32_t i = 0; i < count; ++i) {
        publisher.publish(address(), message(std::to_string(i)));
        ASSERT_LE(publisher.in_flight(), 100U);
    }
    EXPECT_TRUE(publisher.settle(in(patience)));
    EXPECT_EQ(confirmed, count);
    EXPECT_EQ(publisher.published(), count);
    const auto bodies = take(endpoint(), queue(), count);
    for (std::uint32_t i = 0; i < count; ++i) {
        ASSERT_EQ(bodies[i], std::to_string(i));
    }
}

TEST_F(PublisherTest, KeepsToItsWindowOfBytes) {
    declare_queue();
    auto connection = connect();
    auto options = noting();
    options.window_bytes = 10'000;
    rabbit::Publisher publisher(connection, options);
    for (int i = 0; i < 100; ++i) {
        publisher.publish(address(), message(bytes(4000)));
        ASSERT_LE(publisher.in_flight(), 2U);
    }
    EXPECT_TRUE(publisher.settle(in(patience)));
    expect_all(Outcome::confirmed, 100);
}

TEST_F(PublisherTest, OneMessageMayBeLargerThanTheWindowOfBytes) {
    declare_queue();
    auto connection = connect();
    auto options = noting();
    options.window_bytes = 10;
    rabbit::Publisher publisher(connection, options);
    for (int i = 0; i < 5; ++i) {
        publisher.publish(address(), message("more than ten bytes"));
    }
    EXPECT_TRUE(publisher.settle(in(patience)));
    expect_all(Outcome::confirmed, 5);
}

TEST_F(PublisherTest, AnEmptyBodyArrives) {
    declare_queue();
    auto connection = connect();
    rabbit::Publisher publisher(connection, noting());
    publisher.publish(address(), message(""));
    EXPECT_TRUE(publisher.settle(in(patience)));
    const auto got = witness().get(queue());
    ASSERT_TRUE(got);
    EXPECT_EQ(got->body, "");
}

class PublisherOfSize : public PublisherTest, public testing::WithParamInterface<std::size_t> {};

TEST_P(PublisherOfSize, ArrivesByteForByte) {
    declare_queue();
    auto connection = connect();
    rabbit::Publisher publisher(connection, noting());
    const auto body = bytes(GetParam());
    publisher.publish(address(), message(body));
    EXPECT_TRUE(publisher.settle(in(patience)));
    expect_all(Outcome::confirmed, 1);
    const auto got = witness().get(queue());
    ASSERT_TRUE(got);
    EXPECT_EQ(got->body.size(), body.size());
    EXPECT_TRUE(got->body == body);
}

// The edges of a frame of the library's and of one of the broker's, and the size of RabbitMQ's largest message.
INSTANTIATE_TEST_SUITE_P(Bodies, PublisherOfSize,
                         testing::Values(1, 16 * 1024 - 9, 16 * 1024 - 8, 16 * 1024 - 7, 128 * 1024 - 8, 128 * 1024 - 7,
                                         1 << 20, 16 << 20));

TEST_F(PublisherTest, EveryPropertyAndHeaderTypeArrives) {
    using std::string_literals::operator""s;
    declare_queue();
    auto connection = connect();
    rabbit::Publisher publisher(connection, noting());
    // All field types that RabbitMQ reads: https://www.rabbitmq.com/amqp-0-9-1-errata, section 3, has no unsigned
    // 64-bit number. In the order of their names, since RabbitMQ 4 sorts them.
    const rabbit::Table headers{{"array", {rabbit::Array{{std::int32_t{1}}, {"two"s}, {rabbit::Array{}}}}},
                                {"bool", {true}},
                                {"bytes", {rabbit::Bytes{"\0\xff"s}}},
                                {"decimal", {rabbit::Decimal{2, 314}}},
                                {"double", {-0.25}},
                                {"float", {0.5F}},
                                {"int16", {std::int16_t{-16}}},
                                {"int32", {std::int32_t{-32}}},
                                {"int64", {std::int64_t{-64}}},
                                {"int8", {std::int8_t{-8}}},
                                {"string", {"grüße"s}},
                                {"table", {rabbit::Table{{"inner", {rabbit::Table{{"most", {true}}}}}}}},
                                {"timestamp", {rabbit::Timestamp{1'700'000'000}}},
                                {"uint16", {std::uint16_t{60'000}}},
                                {"uint32", {std::uint32_t{4'000'000'000}}},
                                {"uint8", {std::uint8_t{200}}},
                                {"void", {std::monostate()}}};
    const rabbit::Properties sent{.content_type = "text/plain",
                                  .content_encoding = "identity",
                                  .headers = headers,
                                  .delivery_mode = 2,
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
    publisher.publish(address(), {"hello", std::make_shared<rabbit::Properties>(sent)});
    EXPECT_TRUE(publisher.settle(in(patience)));
    const auto got = witness().get(queue());
    ASSERT_TRUE(got && got->properties);
    ASSERT_TRUE(got->properties->headers);
    ASSERT_EQ(got->properties->headers->size(), headers.size());
    for (std::size_t i = 0; i < headers.size(); ++i) {
        EXPECT_TRUE((*got->properties->headers)[i] == headers[i]) << headers[i].name;
    }
    EXPECT_TRUE(*got->properties == sent);
}

TEST_F(PublisherTest, APropertyThatAmqpCannotCarryIsInvalidAndNotPublished) {
    declare_queue();
    auto connection = connect();
    rabbit::Publisher publisher(connection, noting());
    rabbit::Properties properties;
    properties.message_id = std::string(256, 'i');
    const auto shared = std::make_shared<rabbit::Properties>(properties);
    EXPECT_EQ(error_of([&] { publisher.publish(address(), {"hello", shared}); }).kind(), ErrorKind::invalid);
    EXPECT_EQ(publisher.published(), 0U);
    publisher.publish(address(), message("next"));
    EXPECT_TRUE(publisher.settle(in(patience)));
    expect_all(Outcome::confirmed, 1);
    EXPECT_EQ(witness().count(queue()), 1U);
}

TEST_F(PublisherTest, HeadersThatFitNoFrameAreInvalidAndNotPublished) {
    declare_queue();
    auto connection = connect();
    rabbit::Publisher publisher(connection, noting());
    rabbit::Properties properties;
    properties.headers = rabbit::Table{{"long", {std::string(std::size_t{256} * 1024, 'x')}}};
    const auto shared = std::make_shared<rabbit::Properties>(properties);
    EXPECT_EQ(error_of([&] { publisher.publish(address(), {"hello", shared}); }).kind(), ErrorKind::invalid);
    EXPECT_EQ(publisher.published(), 0U);
    publisher.publish(address(), message("next"));
    EXPECT_TRUE(publisher.settle(in(patience)));
    expect_all(Outcome::confirmed, 1);
    const auto got = witness().get(queue());
    ASSERT_TRUE(got);
    EXPECT_EQ(got->body, "next");
}

TEST_F(PublisherTest, ARoutingKeyOfMoreThan255BytesIsInvalidAndNotPublished) {
    auto connection = connect();
    rabbit::Publisher publisher(connection, noting());
    const auto error = error_of([&] { publisher.publish({"", std::string(256, 'k')}, message("hello")); });
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    EXPECT_NE(std::string(error.what()).find("routing key"), std::string::npos) << error.what();
    EXPECT_EQ(publisher.published(), 0U);
}

TEST_F(PublisherTest, AMissingExchangeClosesTheChannel) {
    declare_queue();
    auto connection = connect();
    rabbit::Publisher publisher(connection, noting());
    publisher.publish({queue(), "key"}, message("hello"));
    const auto error = error_of([&] { publisher.settle(in(patience)); });
    EXPECT_EQ(error.kind(), ErrorKind::closed);
    EXPECT_EQ(error.reply_code(), 404);
    EXPECT_EQ(publisher.first_unsettled(), 1U);
    expect_all(Outcome::confirmed, 0);
}

TEST_F(PublisherTest, AReopenedChannelTakesANewPublisher) {
    declare_queue();
    auto connection = connect();
    {
        rabbit::Publisher publisher(connection);
        publisher.publish({queue(), "key"}, message("hello"));
        EXPECT_EQ(error_of([&] { publisher.settle(in(patience)); }).reply_code(), 404);
    }
    connection.reopen_channel();
    rabbit::Publisher publisher(connection, noting());
    publisher.publish(address(), message("again"));
    EXPECT_TRUE(publisher.settle(in(patience)));
    expect_all(Outcome::confirmed, 1);
}

TEST_F(PublisherTest, WithoutConfirmsSettlesNothingButArrives) {
    declare_queue();
    auto connection = connect();
    auto options = noting();
    options.confirm = false;
    {
        rabbit::Publisher publisher(connection, options);
        for (int i = 0; i < 1000; ++i) {
            publisher.publish(address(), message(std::to_string(i)));
        }
        publisher.publish({"amq.topic", queue()}, message("to nobody"));
        EXPECT_EQ(publisher.published(), 1001U);
        EXPECT_EQ(publisher.in_flight(), 0U);
        EXPECT_TRUE(publisher.settle(in(patience)));
        connection.close();
    }
    expect_all(Outcome::confirmed, 0);
    // Nothing says when the broker has routed what it has read.
    const auto deadline = in(patience);
    while (witness().count(queue()) < 1000U && rabbit::Clock::now() < deadline) {
    }
    EXPECT_EQ(witness().count(queue()), 1000U);
}

TEST_F(PublisherTest, WhatWasPublishedLeavesBeforeAWait) {
    declare_queue();
    auto connection = connect();
    rabbit::Publisher publisher(connection, noting());
    publisher.publish(address(), message("hello"));
    EXPECT_EQ(publisher.wait(in(patience)), WaitResult::frame);
    expect_all(Outcome::confirmed, 1);
}

TEST_F(PublisherTest, WaitsForAWatchedDescriptorToo) {
    auto connection = connect();
    rabbit::Publisher publisher(connection, noting());
    Pipe pipe;
    pipe.write();
    std::array<pollfd, 1> watched{{{pipe.read_end(), POLLIN, 0}}};
    EXPECT_EQ(publisher.wait(in(patience), watched), WaitResult::watched);
}

TEST_F(PublisherTest, OverdueConfirmsAreATimeout) {
    declare_queue();
    Proxy proxy(endpoint());
    rabbit::Connection connection(proxy.endpoint());
    auto options = noting();
    options.confirm_timeout = 300ms;
    rabbit::Publisher publisher(connection, options);
    publisher.publish(address(), message("one"));
    EXPECT_TRUE(publisher.settle(in(patience)));
    proxy.hold();
    publisher.publish(address(), message("two"));
    const auto before = rabbit::Clock::now();
    const auto error = error_of([&] { publisher.settle(in(patience)); });
    EXPECT_EQ(error.kind(), ErrorKind::timeout);
    EXPECT_LT(rabbit::Clock::now() - before, 10s);
    EXPECT_EQ(publisher.first_unsettled(), 2U);
}

TEST_F(PublisherTest, OverdueConfirmsAreATimeoutInAFullWindow) {
    declare_queue();
    Proxy proxy(endpoint());
    rabbit::Connection connection(proxy.endpoint());
    auto options = noting();
    options.confirm_timeout = 300ms;
    options.window = 1;
    rabbit::Publisher publisher(connection, options);
    proxy.hold();
    publisher.publish(address(), message("one"));
    EXPECT_EQ(error_of([&] { publisher.publish(address(), message("two")); }).kind(), ErrorKind::timeout);
    EXPECT_EQ(publisher.published(), 1U) << "the second was not taken";
}

TEST_F(PublisherTest, OverdueConfirmsAreATimeoutWhenTheSocketIsFull) {
    declare_queue();
    Proxy proxy(endpoint());
    rabbit::Connection connection(proxy.endpoint());
    auto options = noting();
    options.confirm_timeout = 500ms;
    options.window_bytes = 1U << 30;
    rabbit::Publisher publisher(connection, options);
    proxy.hold();
    const auto body = bytes(1 << 20);
    const auto error = error_of([&] {
        for (int i = 0; i < 200; ++i) {
            publisher.publish(address(), message(body));
        }
    });
    EXPECT_EQ(error.kind(), ErrorKind::timeout);
    EXPECT_EQ(publisher.first_unsettled(), 1U);
    EXPECT_LT(publisher.published(), 200U);
}

TEST_F(PublisherTest, ALostBrokerLeavesTheFirstThatIsNotSettled) {
    declare_queue();
    Proxy proxy(endpoint());
    rabbit::Connection connection(proxy.endpoint());
    rabbit::Publisher publisher(connection, noting());
    for (int i = 0; i < 10; ++i) {
        publisher.publish(address(), message("before"));
    }
    EXPECT_TRUE(publisher.settle(in(patience)));
    proxy.cut();
    const auto error = error_of([&] {
        publisher.publish(address(), message("after"));
        publisher.settle(in(patience));
    });
    EXPECT_EQ(error.kind(), ErrorKind::lost);
    EXPECT_EQ(publisher.first_unsettled(), 11U);
    expect_all(Outcome::confirmed, 10);
}

TEST_F(PublisherTest, PublishesAgainWhatWasInFlightWhenTheConnectionWasLost) {
    constexpr int count = 3000;
    declare_queue();
    Proxy proxy(endpoint());
    rabbit::ConnectionOptions connection_options;
    connection_options.retry_for = patience;
    rabbit::Connection connection(proxy.endpoint(), connection_options);
    std::set<std::uint64_t> confirmed;
    std::vector<std::size_t> reopened;
    rabbit::PublisherOptions options;
    options.window = 200;
    options.on_settled = [&](const rabbit::Settlement& settled) {
        EXPECT_EQ(settled.outcome, Outcome::confirmed);
        EXPECT_EQ(settled.body, std::to_string(settled.number));
        EXPECT_TRUE(confirmed.insert(settled.number).second) << "message " << settled.number << " was settled twice";
        if (confirmed.size() == 500 || confirmed.size() == 1500) {
            proxy.cut();
        }
    };
    options.on_reopened = [&](std::size_t in_flight) { reopened.push_back(in_flight); };
    rabbit::Publisher publisher(connection, options);
    for (int i = 1; i <= count; ++i) {
        publisher.publish(address(), message(std::to_string(i)));
    }
    EXPECT_TRUE(publisher.settle(in(patience)));
    EXPECT_EQ(confirmed.size(), std::size_t{count});
    EXPECT_EQ(publisher.first_unsettled(), std::uint64_t{count} + 1);
    EXPECT_EQ(reopened.size(), 2U);
    std::size_t twice_at_most = 0;
    for (const auto each : reopened) {
        EXPECT_LE(each, options.window);
        twice_at_most += each;
    }
    const auto in_queue = witness().count(queue());
    EXPECT_LE(in_queue, count + twice_at_most);
    const auto bodies = take(endpoint(), queue(), in_queue);
    EXPECT_EQ(std::set<std::string>(bodies.begin(), bodies.end()).size(), std::size_t{count}) << "none is lost";
}

TEST_F(PublisherTest, WithoutConfirmsALostConnectionIsNotReopened) {
    Proxy proxy(endpoint());
    rabbit::ConnectionOptions connection_options;
    connection_options.retry_for = patience;
    rabbit::Connection connection(proxy.endpoint(), connection_options);
    rabbit::PublisherOptions options;
    options.confirm = false;
    options.on_reopened = [](std::size_t) { ADD_FAILURE() << "reopened"; };
    rabbit::Publisher publisher(connection, options);
    publisher.publish(address(), message("hello"));
    proxy.cut();
    EXPECT_EQ(error_of([&] { publisher.wait(in(patience)); }).kind(), ErrorKind::lost);
}

/// The interrupt comes after 50 of many messages of this size were settled, so that it is met in different waits.
class PublisherInterrupted : public PublisherTest, public testing::WithParamInterface<std::size_t> {};

TEST_P(PublisherInterrupted, KeepsItsCountsAndLosesNothing) {
    declare_queue();
    Pipe interrupt;
    rabbit::ConnectionOptions connection_options;
    connection_options.interrupt = interrupt.read_end();
    auto connection = connect(connection_options);
    rabbit::PublisherOptions options;
    options.window = 10;
    std::uint64_t settled = 0;
    options.on_settled = [&](const rabbit::Settlement&) {
        if (++settled == 50) {
            interrupt.write();
        }
    };
    rabbit::Publisher publisher(connection, options);
    std::uint64_t called = 0;
    const auto error = error_of([&] {
        while (called < 10'000) {
            ++called;
            publisher.publish(address(), message(std::string(GetParam(), 'x')));
        }
    });
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
    EXPECT_TRUE(publisher.published() == called || publisher.published() == called - 1)
        << publisher.published() << " published, " << called << " asked for";
    EXPECT_EQ(publisher.first_unsettled() + publisher.in_flight(), publisher.published() + 1);
    EXPECT_TRUE(publisher.settle(in(patience)));
    EXPECT_EQ(publisher.first_unsettled(), publisher.published() + 1);
    EXPECT_EQ(settled, publisher.published());
    EXPECT_EQ(witness().count(queue()), publisher.published());
}

INSTANTIATE_TEST_SUITE_P(AtBodiesOf, PublisherInterrupted, testing::Values(1, 5'000, 20'000, 200'000));

}  // namespace
