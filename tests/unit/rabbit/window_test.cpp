#include "window.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using rabbit::InFlight;
using rabbit::Properties;
using rabbit::Table;
using rabbit::Window;
using namespace std::string_literals;

std::shared_ptr<const Properties> with_headers(Table headers) {
    return std::make_shared<const Properties>(Properties{.headers = std::move(headers)});
}

class WindowTest : public testing::Test {
protected:
    void push(const std::shared_ptr<const Properties>& properties, const std::string& body = "same") {
        const auto number = window_.size() + 1;
        window_.push(number, encoder_.encode({"e", "k"}, properties, true), rabbit::Body(body), 10 * number);
    }

    /// The number of the message that a return is matched to; 0: none.
    std::uint64_t mark(std::shared_ptr<const Properties> properties, const std::string& body = "same") {
        if (!window_.mark_returned({312, "NO_ROUTE", {"e", "k"}, {body, std::move(properties)}})) {
            return 0;
        }
        for (auto tag = window_.first_tag(); tag < window_.first_tag() + window_.size(); ++tag) {
            if (window_.at(tag).refusal && marked_.insert(window_.at(tag).number).second) {
                return window_.at(tag).number;
            }
        }
        return 0;
    }

    std::vector<std::uint64_t> settle(std::uint64_t first, std::uint64_t last) {
        std::vector<std::uint64_t> numbers;
        window_.settle(first, last, [&](const InFlight& each) { numbers.push_back(each.number); });
        return numbers;
    }

    rabbit::PublishEncoder encoder_{4096};
    Window window_;
    std::set<std::uint64_t> marked_;
};

using Numbers = std::vector<std::uint64_t>;

TEST_F(WindowTest, SettlesEachOnce) {
    push({});
    push({});
    push({});
    EXPECT_EQ(window_.bytes(), 12U);
    EXPECT_EQ(settle(2, 2), Numbers{2});
    EXPECT_EQ(window_.front().number, 1U);
    EXPECT_EQ(settle(1, 3), (Numbers{1, 3}));
    EXPECT_TRUE(window_.empty());
    EXPECT_EQ(window_.bytes(), 0U);
    EXPECT_EQ(window_.first_tag(), 4U);
}

TEST_F(WindowTest, ForgetsTagsThatAreLongSettled) {
    push({});
    push({});
    EXPECT_EQ(settle(1, 1), Numbers{1});
    EXPECT_EQ(settle(1, 1), Numbers{});
    EXPECT_EQ(settle(0, 0), Numbers{});
}

TEST_F(WindowTest, KnowsWhichMessagesAreWritten) {
    push({});
    push({});
    push({});
    EXPECT_EQ(window_.last_written(0), 0U);
    EXPECT_EQ(window_.last_written(19), 1U);
    EXPECT_EQ(window_.last_written(20), 2U);
    settle(1, 2);
    EXPECT_EQ(window_.last_written(29), 2U);
    EXPECT_EQ(window_.last_written(1000), 3U);
    window_.restart();
    EXPECT_EQ(window_.last_written(1000), 0U) << "nothing is encoded for the new connection";
}

TEST_F(WindowTest, ReturnsAreMatchedByProperties) {
    push(with_headers({{"n", {std::int64_t{1}}}}));
    push(with_headers({{"n", {std::int64_t{2}}}}));
    push(nullptr);
    EXPECT_EQ(mark(nullptr), 3U);
    EXPECT_EQ(mark(with_headers({{"n", {std::int64_t{2}}}})), 2U);
    EXPECT_EQ(mark(with_headers({{"n", {std::int64_t{1}}}})), 1U);
}

TEST_F(WindowTest, EqualMessagesAreReturnedInOrder) {
    push({});
    push({});
    push({});
    EXPECT_EQ(mark({}), 1U);
    EXPECT_EQ(mark({}), 2U);
    EXPECT_EQ(mark({}), 3U);
    EXPECT_EQ(mark({}), 0U);
}

TEST_F(WindowTest, AReturnIsLookedForFromTheLastOneOnAndThenFromTheStart) {
    push({}, "a");
    push({}, "b");
    push({}, "a");
    EXPECT_EQ(mark({}, "b"), 2U);
    EXPECT_EQ(mark({}, "a"), 3U);
    EXPECT_EQ(mark({}, "a"), 1U);
}

TEST_F(WindowTest, WhatTheBrokerDoesToHeadersMakesNoDifference) {
    const Table nested{{"x", {std::uint64_t{1}}}};
    push(with_headers(
        {{"b", {std::uint64_t{1}}}, {"a", {"2"s}}, {"b", {true}}, {"BCC", {rabbit::Array{}}}, {"t", {nested}}}));
    push(with_headers({{"b", {std::int64_t{1}}}, {"a", {"3"s}}, {"t", {nested}}}));
    const Table returned_nested{{"x", {std::int64_t{1}}}};
    EXPECT_EQ(mark(with_headers({{"a", {"3"s}}, {"b", {std::int64_t{1}}}, {"t", {returned_nested}}})), 2U);
    EXPECT_EQ(mark(with_headers({{"a", {"2"s}}, {"b", {std::int64_t{1}}}, {"t", {returned_nested}}})), 1U);
}

TEST_F(WindowTest, NothingButBccIsTheSameAsNoHeaders) {
    push(with_headers({{"n", {true}}}));
    push(with_headers({{"BCC", {rabbit::Array{}}}}));
    EXPECT_EQ(mark({}), 2U);
}

TEST_F(WindowTest, UnknownPropertiesFallBackOnAddressAndBody) {
    push({}, "other");
    push(with_headers({{"n", {std::int64_t{1}}}}));
    push(with_headers({{"n", {std::int64_t{2}}}}));
    EXPECT_EQ(mark(with_headers({{"added", {true}}})), 2U);
    EXPECT_EQ(mark(with_headers({{"n", {std::int64_t{2}}}})), 3U);
    EXPECT_EQ(mark(with_headers({{"n", {std::int64_t{2}}}})), 0U);
}

TEST_F(WindowTest, AnotherAddressIsAnotherMessage) {
    push({});
    EXPECT_FALSE(window_.mark_returned({312, "NO_ROUTE", {"e", "other"}, {"same", nullptr}}));
    EXPECT_FALSE(window_.mark_returned({312, "NO_ROUTE", {"other", "k"}, {"same", nullptr}}));
}

TEST_F(WindowTest, EqualHeadsAreShared) {
    const auto properties = with_headers({{"n", {std::int64_t{1}}}});
    push(properties);
    push(with_headers({{"n", {std::int64_t{1}}}}));
    push(with_headers({{"n", {std::int64_t{2}}}}));
    EXPECT_EQ(window_.at(1).head, window_.at(2).head);
    EXPECT_NE(window_.at(2).head, window_.at(3).head);
    EXPECT_EQ(*rabbit::decode_properties(window_.at(2).head->header), *properties);
}

TEST_F(WindowTest, ASettledBodyIsGoneThoughAMessageBeforeItIsNot) {
    auto memory = std::make_shared<const std::string>("body");
    const std::weak_ptr<const std::string> watched = memory;
    push({});
    window_.push(2, encoder_.encode({"e", "k"}, {}, true), rabbit::Body(*memory, memory), 20);
    memory.reset();
    EXPECT_FALSE(watched.expired());
    EXPECT_EQ(settle(2, 2), Numbers{2});
    EXPECT_TRUE(watched.expired());
    EXPECT_EQ(window_.size(), 2U);
    EXPECT_EQ(window_.bytes(), 4U);
}

TEST_F(WindowTest, RestartForgetsReturnsAndWhatIsSettled) {
    push({});
    push({});
    push({});
    EXPECT_EQ(mark({}), 1U);
    settle(2, 2);
    window_.restart();
    EXPECT_EQ(window_.size(), 2U);
    EXPECT_EQ(window_.first_tag(), 1U);
    EXPECT_EQ(window_.at(1).refusal, nullptr);
    EXPECT_EQ(window_.at(2).number, 3U);
    EXPECT_EQ(window_.at(2).end, InFlight::not_encoded);
}

}  // namespace
