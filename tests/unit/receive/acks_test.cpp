#include "acks.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace receiving {
namespace {

using Verdicts = std::vector<Verdict>;

constexpr auto load = AckTime::load;
constexpr auto pause = AckTime::pause;
constexpr auto end = AckTime::end;

rabbit::Delivery delivery(std::uint64_t tag) {
    rabbit::Delivery result;
    result.delivery_tag = tag;
    return result;
}

void start(Acks& acks, std::uint64_t first, std::uint64_t last) {
    for (auto tag = first; tag <= last; ++tag) {
        acks.start(delivery(tag));
    }
}

void take(Acks& acks, std::uint64_t first, std::uint64_t last) {
    for (auto tag = first; tag <= last; ++tag) {
        acks.take(delivery(tag));
    }
}

Verdicts up_to(std::uint64_t tag) {
    return {{tag, Verdict::ack_up_to}};
}

TEST(Acks, NothingIsAckedUnderAuto) {
    Acks acks({.mode = AckMode::automatic});
    take(acks, 1, 5000);
    EXPECT_EQ(acks.due(load), Verdicts());
    EXPECT_EQ(acks.due(pause), Verdicts());
    EXPECT_EQ(acks.due(end), Verdicts());
    EXPECT_FALSE(acks.has_ready());
    EXPECT_EQ(acks.taken(), 5000U);
}

TEST(Acks, UnderLoadTheyComeByHalfThePrefetch) {
    Acks acks({.prefetch = 10});
    take(acks, 1, 4);
    EXPECT_EQ(acks.due(load), Verdicts());
    take(acks, 5, 5);
    EXPECT_EQ(acks.due(load), up_to(5));
    EXPECT_EQ(acks.due(load), Verdicts());
    take(acks, 6, 10);
    EXPECT_EQ(acks.due(load), up_to(10));
}

TEST(Acks, APrefetchOfOneAcksEachMessage) {
    Acks acks({.prefetch = 1});
    take(acks, 1, 1);
    EXPECT_EQ(acks.due(load), up_to(1));
}

TEST(Acks, KnowHowManyAreLeftUntilABatchIsDue) {
    Acks acks({.prefetch = 10});
    EXPECT_EQ(acks.left_to_batch(), 5U);
    take(acks, 1, 4);
    EXPECT_EQ(acks.left_to_batch(), 1U);
    take(acks, 5, 6);
    EXPECT_EQ(acks.left_to_batch(), 0U);
    acks.due(load);
    EXPECT_EQ(acks.left_to_batch(), 5U);
}

TEST(Acks, UnderAutoNoBatchIsEverDue) {
    Acks acks({.mode = AckMode::automatic});
    take(acks, 1, 10);
    EXPECT_EQ(acks.left_to_batch(), std::numeric_limits<std::uint64_t>::max());
}

TEST(Acks, AtAPauseAllAreDue) {
    Acks acks({.prefetch = 1000});
    EXPECT_EQ(acks.due(pause), Verdicts());
    take(acks, 1, 3);
    EXPECT_TRUE(acks.has_ready());
    EXPECT_EQ(acks.due(pause), up_to(3));
    EXPECT_FALSE(acks.has_ready());
    EXPECT_EQ(acks.due(pause), Verdicts());
}

TEST(Acks, WithACountTheLastOnesWaitForTheEnd) {
    Acks acks({.prefetch = 4, .count = 10});
    take(acks, 1, 8);
    EXPECT_EQ(acks.due(load), up_to(6));  // four unacked ones are those that the broker has sent last
    take(acks, 9, 10);
    EXPECT_TRUE(acks.is_complete());
    EXPECT_EQ(acks.due(load), Verdicts());
    EXPECT_EQ(acks.due(pause), Verdicts());
    EXPECT_EQ(acks.due(end), up_to(10));
}

TEST(Acks, ACountOfMatchesHoldsNothingBack) {
    Acks acks({.prefetch = 4, .count = 2, .holds_back = false});
    take(acks, 1, 1);
    EXPECT_EQ(acks.due(pause), up_to(1));
}

TEST(Acks, MessagesAtWorkAreWantedNoMore) {
    Acks acks({.prefetch = 4, .count = 2});
    start(acks, 1, 2);
    EXPECT_FALSE(acks.wants_more());
    EXPECT_FALSE(acks.is_complete());
    acks.send_back(1);
    EXPECT_TRUE(acks.wants_more());
}

TEST(Acks, WhatIsFinishedEarlyWaitsForThoseBeforeIt) {
    Acks acks({.prefetch = 10});
    start(acks, 1, 4);
    acks.finish(2);
    acks.finish(4);
    EXPECT_EQ(acks.due(pause), Verdicts());
    EXPECT_EQ(acks.taken(), 2U);
    acks.finish(1);
    EXPECT_EQ(acks.due(pause), up_to(2));
    acks.finish(3);
    EXPECT_EQ(acks.due(pause), up_to(4));
}

TEST(Acks, InAnyOrderNothingWaits) {
    Acks acks({.prefetch = 3, .any_order = true});
    start(acks, 1, 3);
    acks.finish(3);
    EXPECT_EQ(acks.due(pause), (Verdicts{{3, Verdict::ack}}));
    acks.finish(1, Verdict::reject);
    acks.finish(2);
    EXPECT_EQ(acks.due(pause), (Verdicts{{1, Verdict::reject}, {2, Verdict::ack}}));
}

TEST(Acks, InAnyOrderACountHoldsBackTheLast) {
    Acks acks({.prefetch = 2, .count = 3, .any_order = true});
    start(acks, 1, 2);
    acks.finish(2);
    EXPECT_EQ(acks.due(pause), (Verdicts{{2, Verdict::ack}}));
    start(acks, 3, 3);
    acks.finish(3, Verdict::reject);
    EXPECT_EQ(acks.due(pause), Verdicts());
    acks.finish(1);
    EXPECT_EQ(acks.due(end), (Verdicts{{3, Verdict::reject}, {1, Verdict::ack}}));
}

TEST(Acks, WhatIsKeptIsNeverAckedWithALaterOne) {
    Acks acks({.prefetch = 10});
    start(acks, 1, 5);
    acks.finish(1);
    acks.finish(4);
    acks.keep(2);
    acks.finish(5);
    acks.finish(3);
    EXPECT_EQ(acks.due(pause),
              (Verdicts{{1, Verdict::ack_up_to}, {4, Verdict::ack}, {5, Verdict::ack}, {3, Verdict::ack}}));
    EXPECT_EQ(acks.taken(), 4U);
    EXPECT_EQ(acks.kept_here(), 1U);
    EXPECT_EQ(acks.unacked(), 1U);
    EXPECT_EQ(acks.dealt_with(), 5U);
}

TEST(Acks, WhatIsPassedOverIsAckedAndDoesNotCount) {
    Acks acks({.prefetch = 10});
    start(acks, 1, 2);
    acks.pass(1);
    acks.finish(2);
    EXPECT_EQ(acks.due(pause), up_to(2));
    EXPECT_EQ(acks.taken(), 1U);
}

TEST(Acks, WhatIsPassedOverMakesRoomForOneThatCounts) {
    Acks acks({.prefetch = 1, .count = 1, .any_order = true});
    start(acks, 1, 1);
    acks.pass(1);
    EXPECT_EQ(acks.due(pause), (Verdicts{{1, Verdict::ack}}));
}

TEST(Acks, WhatIsKeptMakesRoomForOneThatCounts) {
    Acks acks({.prefetch = 2, .count = 2});
    start(acks, 1, 2);
    acks.keep(1);
    acks.finish(2);
    EXPECT_EQ(acks.due(pause), (Verdicts{{2, Verdict::ack}}));
}

TEST(Acks, AfterAReconnectWhatWasNotAckedCountsAgain) {
    Acks acks({.prefetch = 10, .count = 17});
    take(acks, 1, 6);
    EXPECT_EQ(acks.due(load), up_to(6));
    take(acks, 7, 9);
    acks.restarted(true);
    EXPECT_EQ(acks.taken(), 6U);
    take(acks, 21, 31);  // delivery tags go on rising
    EXPECT_TRUE(acks.is_complete());
    EXPECT_EQ(acks.due(end), up_to(31));
}

TEST(Acks, WhatIsFinishedAfterAReconnectNoLongerMatters) {
    Acks acks({.prefetch = 10});
    start(acks, 1, 2);
    acks.restarted(true);
    EXPECT_EQ(acks.working(), 0U);
    acks.finish(1);
    acks.keep(2);
    EXPECT_EQ(acks.taken(), 0U);
    EXPECT_EQ(acks.unacked(), 0U);
    take(acks, 3, 3);
    EXPECT_EQ(acks.due(pause), up_to(3));
}

TEST(Acks, AfterAReconnectUnderAutoNothingComesAgain) {
    Acks acks({.mode = AckMode::automatic});
    take(acks, 1, 6);
    acks.restarted(true);
    EXPECT_EQ(acks.taken(), 6U);
}

TEST(Acks, WhatADeletedQueueHeldDoesNotComeAgain) {
    Acks acks({.prefetch = 10});
    take(acks, 1, 3);
    acks.restarted(false);
    EXPECT_EQ(acks.taken(), 3U);
    EXPECT_EQ(acks.due(end), Verdicts());
}

rabbit::Delivery delivery_with_offset(std::uint64_t tag, std::int64_t offset) {
    auto result = delivery(tag);
    rabbit::Properties properties;
    properties.headers = rabbit::Table{{"x-stream-offset", {offset}}};
    result.message.properties = std::make_shared<const rabbit::Properties>(std::move(properties));
    return result;
}

TEST(Acks, AStreamIsReadOnAndNothingCountsAgain) {
    Acks acks({.prefetch = 10, .from_stream = true});
    EXPECT_EQ(acks.stream_offset(), std::nullopt);
    acks.take(delivery_with_offset(1, 41));
    acks.take(delivery_with_offset(2, 42));
    acks.restarted(true);
    EXPECT_EQ(acks.taken(), 2U);
    EXPECT_EQ(acks.stream_offset(), 42);
}

TEST(Acks, WhatIsAtWorkOfAStreamCountsAlsoAfterAReconnect) {
    Acks acks({.prefetch = 10, .from_stream = true});
    acks.start(delivery_with_offset(1, 41));
    acks.restarted(true);
    acks.finish(1);
    EXPECT_EQ(acks.taken(), 1U);
    EXPECT_EQ(acks.working(), 0U);
    EXPECT_EQ(acks.due(end), Verdicts());
}

TEST(Acks, WhatIsKeptInAStreamIsAcked) {
    Acks acks({.prefetch = 10, .from_stream = true});
    acks.start(delivery_with_offset(1, 41));
    acks.keep(1);
    EXPECT_EQ(acks.due(pause), up_to(1));
    EXPECT_EQ(acks.taken(), 0U);
}

TEST(Acks, APublishersOwnOffsetMakesNoStream) {
    Acks acks({.prefetch = 10});
    acks.take(delivery_with_offset(1, 41));
    EXPECT_EQ(acks.stream_offset(), std::nullopt);
    acks.restarted(true);
    EXPECT_EQ(acks.taken(), 0U);
}

}  // namespace
}  // namespace receiving
