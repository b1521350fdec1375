#include "retry.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using rabbit::Clock;
using rabbit::Retry;

TEST(Retry, GivesUpAtOnceWithoutATime) {
    Retry retry(0ms, 4s);
    EXPECT_EQ(retry.begin(), 0ms);
    EXPECT_FALSE(retry.next_pause());
    EXPECT_FALSE(retry.allowed());
}

TEST(Retry, GivesUpAtTheLatestPointInTime) {
    Retry retry(1h, 4s);
    EXPECT_EQ(retry.begin(Clock::now()), 0ms);
    EXPECT_FALSE(retry.next_pause());
}

TEST(Retry, PausesNoLongerThanItsTime) {
    Retry retry(1h, 4s);
    retry.begin(Clock::now() + 20ms);
    const auto pause = retry.next_pause();
    ASSERT_TRUE(pause);
    EXPECT_LE(*pause, 20ms);
}

TEST(Retry, PausesGrowUpToAFewSeconds) {
    Retry retry(1h, 4s);
    retry.begin();
    for (const auto around : {100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 4000ms, 4000ms}) {
        const auto pause = retry.next_pause();
        ASSERT_TRUE(pause);
        EXPECT_GE(*pause, around / 2);
        EXPECT_LE(*pause, around * 3 / 2);
    }
}

TEST(Retry, AConnectionThatIsLostAtOnceIsOneMoreFailure) {
    Retry retry(1h, 4s);
    EXPECT_EQ(retry.begin(), 0ms);
    retry.opened();
    EXPECT_TRUE(retry.allowed());
    EXPECT_EQ(retry.begin(), 0ms) << "the broker may want it differently, which the next attempt knows";
    retry.opened();
    EXPECT_GT(retry.begin(), 0ms);
}

TEST(Retry, AConnectionThatIsLostAtOnceHasNoNewTime) {
    Retry retry(1h, 4s);
    retry.begin(Clock::now());
    retry.opened();
    EXPECT_FALSE(retry.allowed());
}

}  // namespace
