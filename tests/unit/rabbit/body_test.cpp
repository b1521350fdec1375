#include "rabbit/body.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace {

using rabbit::Body;

TEST(Body, TakesItsBytesAlong) {
    std::string bytes(100, 'x');
    const auto* memory = bytes.data();
    const Body body(std::move(bytes));
    EXPECT_EQ(body.bytes(), std::string(100, 'x'));
    EXPECT_EQ(body.bytes().data(), memory);
    EXPECT_EQ(Body().bytes(), "");
    EXPECT_EQ(Body("").size(), 0U);
}

TEST(Body, IsEmptyOnceItWasMoved) {
    Body body("message");
    const auto moved = std::move(body);
    EXPECT_EQ(moved.bytes(), "message");
    EXPECT_EQ(body.bytes(), "");  // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(body.size(), 0U);
}

TEST(Body, CopiesAndPartsShareItsMemory) {
    auto memory = std::make_shared<const std::string>("message");
    const std::weak_ptr<const std::string> watched = memory;
    Body body(*memory, memory);
    memory.reset();
    auto copy = body;
    const auto part = copy.part(1, 4);
    EXPECT_EQ(copy.bytes().data(), body.bytes().data());
    body = copy = {};
    EXPECT_EQ(part.bytes(), "essa");
    EXPECT_EQ(part.part(2).bytes(), "sa");
    EXPECT_EQ(part.part(2, 100).bytes(), "sa");
    EXPECT_EQ(part.part(4).size(), 0U);
    EXPECT_EQ(part.bytes().data(), watched.lock()->data() + 1);
}

TEST(Body, ItsMemoryGoesWithTheLastOfThem) {
    auto memory = std::make_shared<const std::string>("message");
    const std::weak_ptr<const std::string> watched = memory;
    auto part = Body(*memory, memory).part(2);
    memory.reset();
    EXPECT_FALSE(watched.expired());
    part = {};
    EXPECT_TRUE(watched.expired());
}

}  // namespace
