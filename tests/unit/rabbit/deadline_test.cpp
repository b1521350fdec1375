#include "rabbit/deadline.hpp"

#include <gtest/gtest.h>

namespace {

const rabbit::Deadline never;
const rabbit::Deadline soon = rabbit::Clock::time_point(std::chrono::seconds(1));
const rabbit::Deadline late = rabbit::Clock::time_point(std::chrono::seconds(2));

TEST(Deadline, TheEarlierOfTwoTimes) {
    EXPECT_EQ(rabbit::earlier(soon, late), soon);
    EXPECT_EQ(rabbit::earlier(late, soon), soon);
}

TEST(Deadline, AnyTimeIsEarlierThanNever) {
    EXPECT_EQ(rabbit::earlier(never, late), late);
    EXPECT_EQ(rabbit::earlier(late, never), late);
}

TEST(Deadline, NeverAndNeverIsNever) {
    EXPECT_EQ(rabbit::earlier(never, never), never);
}

}  // namespace
