#include "net/send_buffer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

using rabbit::Body;
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

TEST(SendBuffer, GathersABodyFromWhereItIs) {
    SendBuffer buffer;
    const Body body("body");
    buffer.end() += "before ";
    buffer.append(body);
    buffer.end() += " behind";
    EXPECT_EQ(buffer.size(), 18U);
    std::array<iovec, 8> room;
    const auto pieces = buffer.gather(room, 1000);
    ASSERT_EQ(pieces.size(), 3U);
    EXPECT_EQ(pieces[1].iov_base, body.bytes().data());
    EXPECT_EQ(all_of(buffer), "before body behind");
}

TEST(SendBuffer, GathersNoMoreThanIsAskedFor) {
    SendBuffer buffer;
    buffer.end() += "before ";
    buffer.append(Body("body"));
    buffer.end() += " behind";
    EXPECT_EQ(gathered(buffer, 8, 9), "before bo");
    EXPECT_EQ(gathered(buffer, 2, 1000), "before body");
    EXPECT_EQ(gathered(buffer, 8, 7), "before ");
    EXPECT_EQ(gathered(buffer, 8, 0), "");
}

TEST(SendBuffer, GoesOnInTheMiddleOfAPiece) {
    SendBuffer buffer;
    buffer.end() += "before ";
    buffer.append(Body("body"));
    buffer.end() += " behind";
    buffer.consume(9);
    EXPECT_EQ(all_of(buffer), "dy behind");
    buffer.consume(9);
    EXPECT_TRUE(buffer.empty());
    EXPECT_TRUE(buffer.gather({}, 10).empty());
}

TEST(SendBuffer, HoldsABodyUntilItIsSent) {
    SendBuffer buffer;
    auto memory = std::make_shared<const std::string>("body");
    const std::weak_ptr<const std::string> watched = memory;
    buffer.append(Body(*memory, memory));
    memory.reset();
    buffer.end() += " behind";
    buffer.consume(3);
    EXPECT_EQ(all_of(buffer), "y behind");
    buffer.consume(1);
    EXPECT_TRUE(watched.expired());
    EXPECT_EQ(all_of(buffer), " behind");
}

TEST(SendBuffer, IsAQueueOfBytesWhateverIsDoneToIt) {
    std::mt19937 random(7);
    const auto below = [&](std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
    };
    for (int round = 0; round < 200; ++round) {
        SendBuffer buffer;
        std::string expected;
        for (int step = 0; step < 100; ++step) {
            const std::string bytes(1 + below(9), static_cast<char>('a' + below(26)));
            switch (below(4)) {
                case 0:
                    buffer.end() += bytes;
                    expected += bytes;
                    break;
                case 1:
                    buffer.append(Body(bytes));
                    expected += bytes;
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
