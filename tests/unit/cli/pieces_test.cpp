// What is made of a large body in pieces is the same as what is made of it at once.
#include "pieces.hpp"

#include "record.hpp"
#include "record_reader.hpp"
#include "repr.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t piece = std::size_t{48} * 1024;

using Append = std::function<void(std::string&, std::string_view, const cli::MakeRoom&)>;

/// What is appended, which is taken out each time there is room to be made.
std::string in_pieces(const Append& append, std::string_view body) {
    std::string all;
    std::string buffer;
    append(buffer, body, [&] { all += std::exchange(buffer, {}); });
    return all + buffer;
}

std::string at_once(const Append& append, std::string_view body) {
    std::string all;
    append(all, body, [] {});
    return all;
}

void append_record(std::string& json, std::string_view body, const cli::MakeRoom& make_room) {
    rabbit::Delivery delivery;
    delivery.message.body = body;
    cli::append_record(json, delivery, make_room);
}

std::string payload_of(const std::string& json) {
    cli::RecordReader reader;
    return std::string(reader.read(json).body.bytes());
}

/// Texts of one, two, three and four bytes a character, escapes, and bytes that are no UTF-8, some 150 KB of each.
std::vector<std::string> bodies() {
    std::vector<std::string> result;
    for (const std::string_view unit : {"x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x90\x87", "\n", "\"", "'", "\\",
                                        "\xFF", "\x80", "\xC3", "a\xE2\x82"}) {
        std::string body;
        while (body.size() < 3 * piece) {
            body += unit;
        }
        for (const std::string_view before : {"", "a", "ab", "abc"}) {
            result.push_back(std::string(before) + body);
        }
    }
    return result;
}

void expect_same(const Append& append) {
    for (const auto& body : bodies()) {
        ASSERT_EQ(in_pieces(append, body), at_once(append, body)) << body.substr(0, 8);
    }
}

TEST(Pieces, AreThoseOfTheWholeText) {
    for (const auto& body : bodies()) {
        std::string joined;
        std::size_t pieces = 0;
        std::size_t pauses = 0;
        const auto use = [&](std::string_view each) {
            ASSERT_LE(each.size(), piece);
            ASSERT_EQ(pauses, pieces++);
            joined += each;
        };
        cli::in_pieces(
            body, cli::cut_utf8, [&pauses] { ++pauses; }, use);
        ASSERT_EQ(joined, body);
        ASSERT_GE(pieces, 3);
    }
}

TEST(Pieces, OfASmallTextAreOne) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, piece}) {
        std::vector<std::size_t> sizes;
        const auto use = [&sizes](std::string_view each) { sizes.push_back(each.size()); };
        cli::in_pieces(
            std::string(size, 'x'), cli::cut_anywhere, [] { FAIL(); }, use);
        EXPECT_EQ(sizes, std::vector{size});
    }
}

std::string repeated(std::string_view unit, std::size_t count) {
    std::string result;
    for (std::size_t i = 0; i < count; ++i) {
        result += unit;
    }
    return result;
}

TEST(Pieces, OfReprAreThoseOfTheWholeText) {
    constexpr std::pair<std::string_view, std::string_view> units[] = {
        {"x", "x"}, {"\xC3\xA9", "\\xc3\\xa9"}, {"\n", "\\n"}, {"\\", "\\\\"}, {"\"", "\""}, {"\xFF\x7F", "\\xff\\x7f"},
    };
    for (const auto& [unit, repr] : units) {
        EXPECT_EQ(in_pieces(cli::append_repr_bytes, repeated(unit, 3 * piece)), "b'" + repeated(repr, 3 * piece) + "'");
    }
    const auto quotes = std::string(2 * piece, '"');
    EXPECT_EQ(in_pieces(cli::append_repr_bytes, quotes + "'"), "b'" + quotes + "\\''");
    EXPECT_EQ(in_pieces(cli::append_repr_bytes, std::string(2 * piece, 'x') + "'"),
              "b\"" + std::string(2 * piece, 'x') + "'\"");
}

TEST(Pieces, OfEscapedTextAreThoseOfTheWholeText) {
    for (const auto& body : bodies()) {
        ASSERT_EQ(in_pieces(cli::append_escaped_text, body), cli::escape_text(body)) << body.substr(0, 8);
    }
}

TEST(Pieces, OfARecordGiveTheBodyBack) {
    expect_same(append_record);
    for (const auto& body : bodies()) {
        ASSERT_EQ(payload_of(in_pieces(append_record, body)), body) << body.substr(0, 8);
    }
}

TEST(CutUtf8, GoesThroughNoCharacter) {
    const std::string_view text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\x87";
    const std::size_t sizes[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (std::size_t most = 0; most < std::size(sizes); ++most) {
        EXPECT_EQ(cli::cut_utf8(text, most), text.substr(0, sizes[most])) << most;
    }
}

TEST(CutUtf8, DropsAtMostThreeBytesOfWhatIsNoCharacter) {
    EXPECT_EQ(cli::cut_utf8("\x80\x80\x80\x80\x80\x80", 5), "\x80\x80");
}

}  // namespace
