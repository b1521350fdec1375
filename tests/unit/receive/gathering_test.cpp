#include "gathering.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace {

using receiving::Gathering;
using namespace std::chrono_literals;

const auto now = Gathering::Clock::now();

TEST(Gathering, DoesNotWaitAfterOneMessage) {
    Gathering gathering;
    EXPECT_FALSE(gathering.until(now));
    gathering.add();
    EXPECT_FALSE(gathering.until(now));
}

TEST(Gathering, WaitsAMomentAfterTwo) {
    Gathering gathering;
    gathering.add();
    gathering.add();
    EXPECT_EQ(gathering.until(now), now + 1ms);
}

TEST(Gathering, WaitsNoLongerThanAFewMillisecondsInAll) {
    Gathering gathering;
    gathering.add();
    gathering.add();
    EXPECT_TRUE(gathering.until(now));
    gathering.add();
    EXPECT_EQ(gathering.until(now + 4ms), now + 5ms);
    gathering.add();
    EXPECT_FALSE(gathering.until(now + 5ms));
}

TEST(Gathering, BeginsAgainWhenAllIsWritten) {
    Gathering gathering;
    gathering.add();
    gathering.add();
    EXPECT_TRUE(gathering.until(now));
    gathering.end();
    EXPECT_FALSE(gathering.until(now + 5ms));
    gathering.add();
    EXPECT_FALSE(gathering.until(now + 5ms));
    gathering.add();
    EXPECT_EQ(gathering.until(now + 6ms), now + 7ms);
}

}  // namespace
