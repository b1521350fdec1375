#include "ring.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using rabbit::Ring;

std::vector<int> content(const Ring<int>& ring) {
    std::vector<int> result;
    for (std::size_t i = 0; i < ring.size(); ++i) {
        result.push_back(ring[i]);
    }
    return result;
}

TEST(Ring, KeepsTheOrderPastItsEnd) {
    Ring<int> ring;
    EXPECT_TRUE(ring.empty());
    int next = 0;
    int first = 0;
    for (int round = 0; round < 50; ++round) {
        for (int i = 0; i < 7; ++i) {
            ring.push_back(next++);
        }
        for (int i = 0; i < 6; ++i) {
            EXPECT_EQ(ring.front(), first++);
            ring.pop_front();
        }
        std::vector<int> expected;
        for (int i = first; i < next; ++i) {
            expected.push_back(i);
        }
        ASSERT_EQ(content(ring), expected);
        ASSERT_EQ(ring.back(), next - 1);
    }
}

TEST(Ring, KeepsTheOrderWhereItGrowsWithItsFirstElementInTheMiddle) {
    Ring<int> ring;
    for (int i = 0; i < 16; ++i) {
        ring.push_back(int{i});
    }
    for (int i = 0; i < 5; ++i) {
        ring.pop_front();
    }
    std::vector<int> expected;
    for (int i = 16; i < 40; ++i) {
        ring.push_back(int{i});
    }
    for (int i = 5; i < 40; ++i) {
        expected.push_back(i);
    }
    EXPECT_EQ(content(ring), expected);
}

TEST(Ring, ForgetsWhatIsTakenOut) {
    Ring<std::shared_ptr<int>> ring;
    const auto held = std::make_shared<int>(1);
    for (int i = 0; i < 100; ++i) {  // often enough to come round to the first place again
        EXPECT_EQ(ring.emplace_back(), nullptr);
        ring.back() = held;
        ring.pop_front();
        EXPECT_EQ(held.use_count(), 1);
    }
}

TEST(Ring, KeepsNoMemoryOfWhatIsTakenOut) {
    Ring<std::string> ring;
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(ring.emplace_back().capacity(), std::string().capacity());
        ring.back() = std::string(10'000, 'x');
        ring.pop_front();
    }
}

}  // namespace
