#include "acks.hpp"

#include <gtest/gtest.h>

namespace receiving {
namespace {

rabbit::Delivery delivery(std::uint64_t tag) {
    rabbit::Delivery result;
    result.delivery_tag = tag;
    return result;
}

void take(Acks& acks, std::uint64_t first, std::uint64_t last) {
    for (auto tag = first; tag <= last; ++tag) {
        acks.take(delivery(tag));
    }
}

TEST(Acks, NothingIsAckedUnderAuto) {
    Acks acks(AckMode::automatic, 0, {}, false);
    take(acks, 1, 5000);
    EXPECT_EQ(acks.due(), std::nullopt);
    EXPECT_EQ(acks.due_at_pause(), std::nullopt);
    EXPECT_EQ(acks.due_at_end(), std::nullopt);
    EXPECT_EQ(acks.taken(), 5000U);
}

TEST(Acks, UnderLoadTheyComeByHalfThePrefetch) {
    Acks acks(AckMode::written, 10, {}, false);
    take(acks, 1, 4);
    EXPECT_EQ(acks.due(), std::nullopt);
    take(acks, 5, 5);
    EXPECT_EQ(acks.due(), 5U);
    acks.acked(5);
    EXPECT_EQ(acks.due(), std::nullopt);
    take(acks, 6, 10);
    EXPECT_EQ(acks.due(), 10U);
}

TEST(Acks, APrefetchOfOneAcksEachMessage) {
    Acks acks(AckMode::written, 1, {}, false);
    take(acks, 1, 1);
    EXPECT_EQ(acks.due(), 1U);
}

TEST(Acks, AtAPauseAllAreDue) {
    Acks acks(AckMode::written, 1000, {}, false);
    EXPECT_EQ(acks.due_at_pause(), std::nullopt);
    take(acks, 1, 3);
    EXPECT_EQ(acks.due_at_pause(), 3U);
    acks.acked(3);
    EXPECT_EQ(acks.due_at_pause(), std::nullopt);
}

TEST(Acks, WithACountTheLastOnesWaitForTheEnd) {
    Acks acks(AckMode::written, 4, 10, false);
    take(acks, 1, 8);
    EXPECT_EQ(acks.due(), 6U);  // four unacked ones are those that the broker has sent last
    acks.acked(6);
    take(acks, 9, 10);
    EXPECT_TRUE(acks.is_complete());
    EXPECT_EQ(acks.due(), std::nullopt);
    EXPECT_EQ(acks.due_at_pause(), std::nullopt);
    EXPECT_EQ(acks.due_at_end(), 10U);
}

TEST(Acks, AfterAReconnectWhatWasNotAckedCountsAgain) {
    Acks acks(AckMode::written, 10, 7, false);
    take(acks, 1, 6);
    acks.acked(4);
    acks.restarted(true);
    EXPECT_EQ(acks.taken(), 4U);
    take(acks, 11, 13);  // delivery tags go on rising
    EXPECT_TRUE(acks.is_complete());
    EXPECT_EQ(acks.due_at_end(), 13U);
}

TEST(Acks, AfterAReconnectUnderAutoNothingComesAgain) {
    Acks acks(AckMode::automatic, 0, {}, false);
    take(acks, 1, 6);
    acks.restarted(true);
    EXPECT_EQ(acks.taken(), 6U);
}

TEST(Acks, WhatADeletedQueueHeldDoesNotComeAgain) {
    Acks acks(AckMode::written, 10, {}, false);
    take(acks, 1, 3);
    acks.restarted(false);
    EXPECT_EQ(acks.taken(), 3U);
    EXPECT_EQ(acks.due_at_end(), std::nullopt);
}

rabbit::Delivery delivery_with_offset(std::uint64_t tag, std::int64_t offset) {
    auto result = delivery(tag);
    rabbit::Properties properties;
    properties.headers = rabbit::Table{{"x-stream-offset", {offset}}};
    result.message.properties = std::make_shared<const rabbit::Properties>(std::move(properties));
    return result;
}

TEST(Acks, AStreamIsReadOnAndNothingCountsAgain) {
    Acks acks(AckMode::written, 10, {}, true);
    EXPECT_EQ(acks.stream_offset(), std::nullopt);
    acks.take(delivery_with_offset(1, 41));
    acks.take(delivery_with_offset(2, 42));
    acks.restarted(true);
    EXPECT_EQ(acks.taken(), 2U);
    EXPECT_EQ(acks.stream_offset(), 42);
}

TEST(Acks, APublishersOwnOffsetMakesNoStream) {
    Acks acks(AckMode::written, 10, {}, false);
    acks.take(delivery_with_offset(1, 41));
    EXPECT_EQ(acks.stream_offset(), std::nullopt);
    acks.restarted(true);
    EXPECT_EQ(acks.taken(), 0U);
}

TEST(Acks, OneMoreIsWantedBeforeTheLast) {
    Acks acks(AckMode::written, 1, 2, false);
    EXPECT_FALSE(acks.wants_one_more());
    take(acks, 1, 1);
    EXPECT_TRUE(acks.wants_one_more());
    take(acks, 2, 2);
    EXPECT_FALSE(acks.wants_one_more());
    EXPECT_TRUE(acks.is_complete());
}

}  // namespace
}  // namespace receiving
