#include "net/send_buffer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace {

using rabbit::SendBuffer;

std::string gathered(const SendBuffer& buffer, std::size_t most_pieces, std::size_t most_bytes) {
    std::vector<iovec> room(most_pieces);
    std::string result;
    for (const auto& piece : buffer.gather(room, most_bytes)) {
        EXPECT_GT(piece.iov_len, 0U);
        result.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    }
    return result;
}

std::string all_of(const SendBuffer& buffer) {
    return gathered(buffer, 1000, std::string::npos);
}

TEST(SendBuffer, GathersWhatIsBorrowedFromWhereItLies) {
    SendBuffer buffer;
    const std::string body = "body";
    buffer.end() += "before ";
    buffer.borrow(body);
    buffer.end() += " behind";
    EXPECT_EQ(buffer.size(), 18U);
    std::array<iovec, 8> room;
    const auto pieces = buffer.gather(room, 1000);
    ASSERT_EQ(pieces.size(), 3U);
    EXPECT_EQ(pieces[1].iov_base, body.data());
    EXPECT_EQ(all_of(buffer), "before body behind");
}

TEST(SendBuffer, GathersNoMoreThanIsAskedFor) {
    SendBuffer buffer;
    buffer.end() += "before ";
    buffer.borrow("body");
    buffer.end() += " behind";
    EXPECT_EQ(gathered(buffer, 8, 9), "before bo");
    EXPECT_EQ(gathered(buffer, 2, 1000), "before body");
    EXPECT_EQ(gathered(buffer, 8, 7), "before ");
    EXPECT_EQ(gathered(buffer, 8, 0), "");
}

TEST(SendBuffer, GoesOnInTheMiddleOfAPiece) {
    SendBuffer buffer;
    buffer.end() += "before ";
    buffer.borrow("body");
    buffer.end() += " behind";
    buffer.consume(9);
    EXPECT_EQ(all_of(buffer), "dy behind");
    buffer.consume(9);
    EXPECT_TRUE(buffer.empty());
    EXPECT_TRUE(buffer.gather({}, 10).empty());
}

TEST(SendBuffer, KeepsWhatMayGo) {
    SendBuffer buffer;
    std::string body = "a body that goes";
    buffer.end() += "before ";
    buffer.borrow(body);
    buffer.end() += " behind";
    buffer.consume(9);
    buffer.keep();
    std::ranges::fill(body, '?');
    EXPECT_EQ(all_of(buffer), "body that goes behind");
    buffer.borrow("!");
    EXPECT_EQ(all_of(buffer), "body that goes behind!");
}

TEST(SendBuffer, IsAQueueOfBytesWhateverIsDoneToIt) {
    std::mt19937 random(7);
    const auto below = [&](std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
    };
    for (int round = 0; round < 200; ++round) {
        SendBuffer buffer;
        std::string expected;
        std::deque<std::string> bodies;
        for (int step = 0; step < 100; ++step) {
            const std::string bytes(1 + below(9), static_cast<char>('a' + below(26)));
            switch (below(5)) {
                case 0:
                    buffer.end() += bytes;
                    expected += bytes;
                    break;
                case 1:
                    buffer.borrow(bodies.emplace_back(bytes));
                    expected += bytes;
                    break;
                case 2:
                    buffer.keep();
                    for (auto& body : bodies) {
                        std::ranges::fill(body, '?');
                    }
                    bodies.clear();
                    break;
                default:
                    const auto sent = gathered(buffer, 1 + below(4), below(30));
                    ASSERT_EQ(sent, expected.substr(0, sent.size()));
                    buffer.consume(sent.size());
                    expected.erase(0, sent.size());
            }
            ASSERT_EQ(buffer.size(), expected.size());
            ASSERT_EQ(all_of(buffer), expected);
        }
    }
}

}  // namespace
