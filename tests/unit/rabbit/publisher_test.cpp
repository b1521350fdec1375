#include "rabbit/publisher.hpp"

#include "fake_broker.hpp"
#include "rabbit/error.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/eventfd.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using rabbit::Outcome;

using Fates = std::vector<std::pair<std::uint64_t, Outcome>>;

/// A publisher on a broker that a test scripts. Messages are numbered from 1 in the order of publishing.
class PublisherWithoutBroker : public testing::Test {
protected:
    void start(rabbit::PublisherOptions options = {}, std::chrono::milliseconds retry_for = 0ms, int interrupt = -1) {
        connection_ = std::make_unique<rabbit::Connection>(
            std::vector{rabbit::Endpoint()}, rabbit::ConnectionOptions{.retry_for = retry_for, .interrupt = interrupt},
            broker.opener());
        if (!options.on_settled) {
            options.on_settled = [this](const rabbit::Settlement& each) {
                fates.emplace_back(each.number, each.outcome);
            };
        }
        publisher = std::make_unique<rabbit::Publisher>(*connection_, options);
    }

    /// Calls `react` once the broker has heard so many messages.
    void after(std::size_t messages, const std::function<void()>& react) {
        broker.on_frame = [this, messages, react](const amqp_frame_t& frame) {
            const bool ends_message = frame.frame_type == AMQP_FRAME_BODY;
            if (ends_message && ++heard_ == messages) {
                react();
            }
        };
    }

    void publish(const std::string& body, const std::string& routing_key = "hello",
                 std::shared_ptr<const rabbit::Properties> properties = {}) {
        publisher->publish({.exchange = "", .routing_key = routing_key},
                           {.body = body, .properties = std::move(properties)});
    }

    rabbit::Connection& connection() { return *connection_; }

    FakeBroker broker;
    Fates fates;

private:
    std::unique_ptr<rabbit::Connection> connection_;

protected:
    std::unique_ptr<rabbit::Publisher> publisher;

private:
    std::size_t heard_ = 0;
};

TEST_F(PublisherWithoutBroker, WaitsForAnEighthOfAFullWindow) {
    std::uint64_t confirmed = 0;
    after(16, [&] {
        while (confirmed < 16) {
            broker.ack(++confirmed);
        }
    });
    start({.window = 16});
    for (int i = 0; i < 16; ++i) {
        publish("body");
    }
    EXPECT_EQ(publisher->in_flight(), 16U);
    publish("body");
    EXPECT_EQ(publisher->in_flight(), 14U);  // room for it and for an eighth more, and it has come
}

TEST_F(PublisherWithoutBroker, SettlesEachConfirmByItsTag) {
    start();
    after(3, [this] {
        broker.ack(2);
        broker.nack(1);
        broker.ack(3);
    });
    publish("a");
    publish("b");
    publish("c");
    EXPECT_TRUE(publisher->settle(rabbit::Clock::now() + 5s));
    EXPECT_EQ(fates, (Fates{{2, Outcome::confirmed}, {1, Outcome::nacked}, {3, Outcome::confirmed}}));
}

TEST_F(PublisherWithoutBroker, SettlesAllUpToATagThatIsMultiple) {
    start();
    after(3, [this] {
        broker.ack(2, true);
        broker.ack(3);
    });
    publish("a");
    publish("b");
    publish("c");
    EXPECT_TRUE(publisher->settle(rabbit::Clock::now() + 5s));
    EXPECT_EQ(fates, (Fates{{1, Outcome::confirmed}, {2, Outcome::confirmed}, {3, Outcome::confirmed}}));
}

TEST_F(PublisherWithoutBroker, MatchesAReturnByItsRoutingKey) {
    start();
    after(2, [this] {
        broker.give_back("", "nowhere", "same");
        broker.ack(2, true);
    });
    publish("same", "hello");
    publish("same", "nowhere");
    EXPECT_TRUE(publisher->settle(rabbit::Clock::now() + 5s));
    EXPECT_EQ(fates, (Fates{{1, Outcome::confirmed}, {2, Outcome::returned}}));
}

TEST_F(PublisherWithoutBroker, MatchesAReturnByItsProperties) {
    start();
    const rabbit::Properties second{.message_id = "2"};
    after(3, [this, &second] {
        broker.give_back("", "hello", "same", second);
        broker.ack(3, true);
    });
    publish("same");
    publish("same", "hello", std::make_shared<rabbit::Properties>(second));
    publish("same");
    EXPECT_TRUE(publisher->settle(rabbit::Clock::now() + 5s));
    EXPECT_EQ(fates, (Fates{{1, Outcome::confirmed}, {2, Outcome::returned}, {3, Outcome::confirmed}}));
}

TEST_F(PublisherWithoutBroker, AReturnOfWhatIsNotInFlightEndsTheConnection) {
    start();
    after(1, [this] { broker.give_back("", "hello", "never published"); });
    publish("a");
    try {
        publisher->settle(rabbit::Clock::now() + 5s);
        FAIL() << "nothing was thrown";
    } catch (const rabbit::Error& error) {
        EXPECT_NE(error.cause().find("returned a message that is not in flight"), std::string::npos) << error.what();
    }
}

TEST_F(PublisherWithoutBroker, AConfirmOfWhatWasNotPublishedEndsTheConnection) {
    start();
    after(1, [this] { broker.ack(2); });
    publish("a");
    EXPECT_THROW(publisher->settle(rabbit::Clock::now() + 5s), rabbit::Error);
    EXPECT_TRUE(fates.empty());
}

TEST_F(PublisherWithoutBroker, AnAckOfTag0IsOfWhatWasSent) {
    start();
    publish("a");
    publish("b");
    broker.ack(0, true);  // before anything has left
    EXPECT_FALSE(publisher->settle(rabbit::Clock::now() + 50ms));
    EXPECT_TRUE(fates.empty());
    broker.ack(0, true);
    EXPECT_TRUE(publisher->settle(rabbit::Clock::now() + 5s));
    EXPECT_EQ(fates, (Fates{{1, Outcome::confirmed}, {2, Outcome::confirmed}}));
}

TEST_F(PublisherWithoutBroker, WaitsForRoomInItsWindow) {
    start({.window = 2, .confirm_timeout = {}});
    std::uint64_t tag = 0;
    broker.on_frame = [this, &tag](const amqp_frame_t& frame) {
        if (frame.frame_type == AMQP_FRAME_BODY) {
            broker.ack(++tag);
        }
    };
    for (int i = 0; i < 10; ++i) {
        publish("a");
        EXPECT_LE(publisher->in_flight(), 2U);
    }
    EXPECT_TRUE(publisher->settle(rabbit::Clock::now() + 5s));
    EXPECT_EQ(fates.size(), 10U);
}

TEST_F(PublisherWithoutBroker, PublishesAgainWhatWasInFlightWhenTheConnectionEnded) {
    start({}, 5s);
    after(3, [this] {
        broker.ack(1);
        broker.hang_up();
    });
    publish("a");
    publish("b");
    publish("c");
    publisher->wait(rabbit::Clock::now() + 5s);  // reads the ack
    const auto reads_the_end = [this] { publisher->wait(rabbit::Clock::now() + 5s); };
    broker.heard.clear();
    after(5, [this] { broker.ack(2, true); });
    while (broker.connections() == 1) {
        reads_the_end();
    }
    EXPECT_TRUE(publisher->settle(rabbit::Clock::now() + 5s));
    EXPECT_EQ(fates, (Fates{{1, Outcome::confirmed}, {2, Outcome::confirmed}, {3, Outcome::confirmed}}));
    EXPECT_EQ(std::count_if(broker.heard.begin(), broker.heard.end(),
                            [](const auto& each) { return each.method == AMQP_BASIC_PUBLISH_METHOD; }),
              2);
}

/// They leave in several batches, and the first ack comes before the last batch has left.
TEST_F(PublisherWithoutBroker, PublishesAgainAllThatWasInFlightWhileTheFirstOfThemAreConfirmed) {
    constexpr std::uint64_t count = 1000;
    std::uint64_t tag = 0;
    start({}, 5s);
    for (std::uint64_t i = 0; i < count; ++i) {
        publish(std::string(100, 'a'));
    }
    broker.on_frame = [&](const amqp_frame_t& frame) {
        if (broker.connections() == 2 && frame.frame_type == AMQP_FRAME_BODY) {
            broker.ack(++tag);
        }
    };
    broker.ack(1);
    broker.hang_up();
    EXPECT_TRUE(publisher->settle(rabbit::Clock::now() + 5s));
    EXPECT_EQ(tag, count - 1);
    EXPECT_EQ(fates.size(), count);
}

TEST_F(PublisherWithoutBroker, PublishesAgainWithTheSameProperties) {
    start({}, 5s);
    after(2, [this] { broker.hang_up(); });
    std::vector<std::string> types;
    broker.on_frame = [&, react = broker.on_frame](const amqp_frame_t& frame) {
        if (frame.frame_type == AMQP_FRAME_HEADER) {
            const auto& properties = *static_cast<const amqp_basic_properties_t*>(frame.payload.properties.decoded);
            EXPECT_EQ(frame.payload.properties.body_size, types.size() % 2 + 1);
            types.emplace_back(rabbit::view(properties.type));
        }
        react(frame);
        if (types.size() == 4 && frame.frame_type == AMQP_FRAME_BODY) {
            broker.ack(2, true);
        }
    };
    publish("a", "hello", std::make_shared<const rabbit::Properties>(rabbit::Properties{.type = "first"}));
    publish("bb", "hello", std::make_shared<const rabbit::Properties>(rabbit::Properties{.type = "second"}));
    EXPECT_TRUE(publisher->settle(rabbit::Clock::now() + 5s));
    EXPECT_EQ(types, (std::vector<std::string>{"first", "second", "first", "second"}));
}

TEST_F(PublisherWithoutBroker, SaysThatAHeadNoLongerFitsAFrame) {
    start({}, 5s);
    const rabbit::Table headers{{"large", {std::string(5000, 'x')}}};
    broker.frame_max = 4096;
    after(1, [this] { broker.hang_up(); });
    publish("a", "hello", std::make_shared<const rabbit::Properties>(rabbit::Properties{.headers = headers}));
    try {
        publisher->settle(rabbit::Clock::now() + 5s);
        FAIL() << "nothing was thrown";
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(error.kind(), rabbit::ErrorKind::invalid);
    }
    EXPECT_EQ(publisher->first_unsettled(), 1U);
}

/// Over TLS the end of each would be a record of its own if it left alone.
TEST_F(PublisherWithoutBroker, HandsOverMessagesOf16KiBEightAtATime) {
    start();
    const auto before = broker.writes;
    for (int i = 0; i < 16; ++i) {
        publish(std::string(std::size_t{16} << 10, 'a'));
    }
    EXPECT_EQ(broker.writes - before, 2);
}

/// The broker confirms every message but one whose body begins with "bad": over that it closes the channel, as RabbitMQ
/// does, and forgets what else is published on it.
class PublisherThatIsRefused : public PublisherWithoutBroker {
protected:
    PublisherThatIsRefused() {
        broker.on_frame = [this](const amqp_frame_t& frame) {
            if (frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_CHANNEL_OPEN_METHOD) {
                tag_ = 0;
                closed_ = false;
            }
            if (frame.frame_type != AMQP_FRAME_BODY || closed_) {
                return;
            }
            ++tag_;
            if (!rabbit::view(frame.payload.body_fragment).starts_with("bad")) {
                broker.ack(tag_);
                return;
            }
            closed_ = true;
            broker.say(with<amqp_channel_close_t>([](auto& m) {
                m.reply_code = AMQP_PRECONDITION_FAILED;
                m.reply_text = rabbit::to_amqp("PRECONDITION_FAILED - no");
            }));
        };
    }

private:
    std::uint64_t tag_ = 0;
    bool closed_ = false;
};

TEST_F(PublisherThatIsRefused, FindsTheMessageThatTheChannelWasClosedOver) {
    start({.on_refused = [](const rabbit::Settlement&) { return std::nullopt; }});
    for (const auto* body : {"a", "b", "bad", "d", "bad", "f"}) {
        publish(body);
    }
    EXPECT_TRUE(publisher->settle(rabbit::Clock::now() + 5s));
    EXPECT_EQ(fates, (Fates{{1, Outcome::confirmed},
                            {2, Outcome::confirmed},
                            {3, Outcome::refused},
                            {4, Outcome::confirmed},
                            {5, Outcome::refused},
                            {6, Outcome::confirmed}}));
    publish("g");
    EXPECT_TRUE(publisher->settle(rabbit::Clock::now() + 5s));
    EXPECT_EQ(fates.back(), std::pair(std::uint64_t{7}, Outcome::confirmed));
    EXPECT_EQ(broker.connections(), 1);
}

/// RabbitMQ closes the channel over a body that is too large when it has its header.
TEST_F(PublisherWithoutBroker, SendsTheRestOfABodyThatIsRefusedAndGone) {
    const std::string body(300'000, 'x');
    std::string heard;
    broker.takes = 1000;
    broker.on_frame = [&](const amqp_frame_t& frame) {
        if (frame.frame_type == AMQP_FRAME_HEADER) {
            broker.say(with<amqp_channel_close_t>([](auto& m) { m.reply_code = AMQP_PRECONDITION_FAILED; }));
        } else if (frame.frame_type == AMQP_FRAME_BODY) {
            heard += rabbit::view(frame.payload.body_fragment);
        }
    };
    start({.on_refused = [](const rabbit::Settlement&) { return std::nullopt; }});
    publish(body);
    EXPECT_TRUE(publisher->settle(rabbit::Clock::now() + 5s));
    EXPECT_EQ(fates, (Fates{{1, Outcome::refused}}));
    EXPECT_EQ(heard, body + body);  // once more, alone
}

TEST_F(PublisherWithoutBroker, SendsTheRestOfAnUnconfirmedBodyAfterAnInterruption) {
    std::string heard;
    const int interrupt = eventfd(0, EFD_CLOEXEC);
    broker.takes = 1000;
    broker.on_frame = [&](const amqp_frame_t& frame) {
        if (frame.frame_type == AMQP_FRAME_HEADER) {
            eventfd_write(interrupt, 1);
        } else if (frame.frame_type == AMQP_FRAME_BODY) {
            heard += rabbit::view(frame.payload.body_fragment);
        }
    };
    start({.confirm = false}, 0ms, interrupt);
    EXPECT_THROW(publish(std::string(300'000, 'x')), rabbit::Error);
    EXPECT_TRUE(heard.empty());
    publisher.reset();
    connection().close();
    EXPECT_EQ(heard, std::string(300'000, 'x'));
    close(interrupt);
}

TEST_F(PublisherThatIsRefused, PublishesAnotherInItsPlace) {
    start({.on_refused = [](const rabbit::Settlement& refused) {
        return refused.body == "bad 1" ? std::optional(rabbit::Message{.body = "good"}) : std::nullopt;
    }});
    for (const auto* body : {"a", "bad 1", "bad 2", "d"}) {
        publish(body);
    }
    EXPECT_TRUE(publisher->settle(rabbit::Clock::now() + 5s));
    EXPECT_EQ(
        fates,
        (Fates{{1, Outcome::confirmed}, {2, Outcome::confirmed}, {3, Outcome::refused}, {4, Outcome::confirmed}}));
}

TEST_F(PublisherThatIsRefused, SettlesWithTheBrokersReason) {
    std::vector<std::string> reasons;
    const auto note = [&](const rabbit::Settlement& settled) {
        reasons.push_back(std::string(settled.body) + ": " + std::to_string(settled.reply_code) + " " +
                          settled.reply_text);
    };
    start({.on_refused =
               [&](const rabbit::Settlement& refused) {
                   note(refused);
                   return std::nullopt;
               },
           .on_settled = note});
    publish("bad");
    publish("good");
    EXPECT_TRUE(publisher->settle(rabbit::Clock::now() + 5s));
    const std::string refused = "bad: 406 406 PRECONDITION_FAILED - no";
    EXPECT_EQ(reasons, (std::vector<std::string>{refused, refused, "good: 0 "}));
}

TEST_F(PublisherThatIsRefused, KnowsItsProperties) {
    std::optional<std::string> type;
    start({.on_refused = [&](const rabbit::Settlement& refused) {
        type = refused.properties()->type;
        return std::nullopt;
    }});
    publish("bad", "hello", std::make_shared<const rabbit::Properties>(rabbit::Properties{.type = "greeting"}));
    EXPECT_TRUE(publisher->settle(rabbit::Clock::now() + 5s));
    EXPECT_EQ(type, "greeting");
}

TEST_F(PublisherThatIsRefused, StaysInFlightWhereTheOneInItsPlaceCannotBeSent) {
    start({.on_refused = [](const rabbit::Settlement&) {
        const rabbit::Properties properties{.type = std::string(256, 'x')};
        return rabbit::Message{.body = "good", .properties = std::make_shared<const rabbit::Properties>(properties)};
    }});
    publish("bad");
    try {
        publisher->settle(rabbit::Clock::now() + 5s);
        FAIL() << "nothing was thrown";
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(error.kind(), rabbit::ErrorKind::invalid);
    }
    EXPECT_EQ(fates, Fates{});
    EXPECT_EQ(publisher->first_unsettled(), 1U);
}

TEST_F(PublisherThatIsRefused, ThrowsWithoutAFunctionForThem) {
    start();
    publish("bad");
    try {
        publisher->settle(rabbit::Clock::now() + 5s);
        FAIL() << "nothing was thrown";
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(error.reply_code(), rabbit::reply_code::precondition_failed);
    }
    EXPECT_TRUE(fates.empty());
}

}  // namespace
