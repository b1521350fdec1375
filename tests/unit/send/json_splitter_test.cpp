#include "json_splitter.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

using sending::JsonSplitter;
using sending::MalformedJson;

/// The objects of a stream that comes in pieces of this size.
std::vector<std::string> split(std::string_view stream, std::size_t piece) {
    JsonSplitter splitter;
    std::vector<std::string> objects;
    std::string gone_through;
    while (!stream.empty()) {
        auto bytes = stream.substr(0, piece);
        stream.remove_prefix(bytes.size());
        while (!bytes.empty()) {
            const auto count = splitter.scan(bytes);
            gone_through += bytes.substr(0, count);
            bytes.remove_prefix(count);
            if (splitter.complete()) {
                objects.push_back(gone_through.substr(gone_through.size() - splitter.size()));
            }
        }
    }
    splitter.check_end();
    return objects;
}

struct Stream {
    const char* text;
    std::vector<std::string> objects;
};

class JsonSplitterOf : public testing::TestWithParam<Stream> {};

TEST_P(JsonSplitterOf, FindsTheObjectsHoweverTheyCome) {
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U}) {
        EXPECT_EQ(split(GetParam().text, piece), GetParam().objects) << "in pieces of " << piece;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Streams, JsonSplitterOf,
    testing::Values(Stream{"", {}}, Stream{" \r\n\t", {}}, Stream{"{}", {"{}"}},
                    Stream{"{}{} {}\n", {"{}", "{}", "{}"}}, Stream{"[]", {}}, Stream{"[] [ ]", {}},
                    Stream{"[{}]", {"{}"}}, Stream{"[ {} , {} ] {} [{}]", {"{}", "{}", "{}", "{}"}},
                    Stream{R"({"a":"}\"]\\"}{"b":"\\\\"})", {R"({"a":"}\"]\\"})", R"({"b":"\\\\"})"}},
                    Stream{"{\n \"a\" : [ 1 , -2.5e+3, true,null ] ,\n\"b\":{\"c\":{}}\n}",
                           {"{\n \"a\" : [ 1 , -2.5e+3, true,null ] ,\n\"b\":{\"c\":{}}\n}"}},
                    Stream{"[{\"a\":[]},{\"a\":[[],[{}]]}]", {"{\"a\":[]}", "{\"a\":[[],[{}]]}"}},
                    Stream{"\xEF\xBB\xBF{}", {"{}"}},
                    Stream{"{\"\xEF\xBB\xBF\":\"\xFF\"}", {"{\"\xEF\xBB\xBF\":\"\xFF\"}"}}));

struct Malformed {
    const char* text;
    std::uint64_t line;
    const char* cause;
};

class JsonSplitterOfMalformed : public testing::TestWithParam<Malformed> {};

TEST_P(JsonSplitterOfMalformed, SaysWhereAndWhy) {
    const auto& [text, line, cause] = GetParam();
    for (const std::size_t piece : {1U, 1000U}) {
        try {
            split(text, piece);
            ADD_FAILURE() << text << " was taken";
        } catch (const MalformedJson& error) {
            EXPECT_EQ(error.line(), line) << text;
            EXPECT_STREQ(error.what(), cause) << text;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Streams, JsonSplitterOfMalformed,
                         testing::Values(Malformed{"{}\nhello", 2, "expected a JSON object, found 'h'"},
                                         Malformed{"\"text\"", 1, "expected a JSON object, found '\"'"},
                                         Malformed{"[1]", 1, "expected a JSON object, found '1'"},
                                         Malformed{"[[{}]]", 1, "expected a JSON object, found '['"},
                                         Malformed{"{},{}", 1, "expected a JSON object, found ','"},
                                         Malformed{"]", 1, "expected a JSON object, found ']'"},
                                         Malformed{"[{},]", 1, "expected a JSON object, found ']'"},
                                         Malformed{"[{} {}]", 1, "expected ',' or ']', found '{'"},
                                         Malformed{"{\"a\":1\n{\"a\":2}", 2, "expected ',' or '}', found '{'"},
                                         Malformed{"{\"a\":1,}", 1, "expected a name in double quotes, found '}'"},
                                         Malformed{"{a:1}", 1, "expected a name in double quotes or '}', found 'a'"},
                                         Malformed{"{\"a\" 1}", 1, "expected ':', found '1'"},
                                         Malformed{"{\"a\":}", 1, "expected a value, found '}'"},
                                         Malformed{"{\"a\":[1,]}", 1, "expected a value, found ']'"},
                                         Malformed{"{\"a\":[1}", 1, "expected ',' or ']', found '}'"},
                                         Malformed{"{\"a\":1 2}", 1, "expected ',' or '}', found '2'"},
                                         Malformed{"{\"a\":\x01}", 1, "expected a value, found byte 0x01"},
                                         Malformed{"{}\n\n{\n\"a\"", 3, "the input ends in the middle of this record"},
                                         Malformed{"{\"a", 1, "the input ends in the middle of this record"},
                                         Malformed{"[{}\n", 2, "the input ends in the middle of an array"}));

/// Strings are gone through in blocks.
TEST(JsonSplitter, FindsTheEndOfAStringWhereverItIs) {
    for (std::size_t length = 0; length < 100; ++length) {
        const auto plain = std::string(length, 'x');
        const std::vector<std::string> objects{fmt::format(R"({{"{0}":"{0}}}"}})", plain),
                                               fmt::format(R"({{"a":"{0}\"}}{{{0}\\"}})", plain)};
        for (const std::size_t piece : {1U, 31U, 32U, 33U, 1000U}) {
            EXPECT_EQ(split(objects[0] + objects[1], piece), objects) << length << " in pieces of " << piece;
        }
    }
}

TEST(JsonSplitter, CountsTheLinesInAString) {
    for (const std::size_t length : {0U, 31U, 32U, 33U, 100U}) {
        JsonSplitter splitter;
        const auto text = fmt::format("{{\"a\":\"{0}\n{0}\"}}\n{{}}", std::string(length, 'x'));
        const auto at = splitter.scan(text);
        splitter.scan(std::string_view(text).substr(at));
        EXPECT_EQ(splitter.first_line(), 3U) << length;
    }
}

TEST(JsonSplitter, TellsTheLineOnWhichAnObjectBegins) {
    JsonSplitter splitter;
    const std::string_view stream = "\n[\n{\n},\n\n{}]";
    auto at = splitter.scan(stream);
    EXPECT_EQ(splitter.first_line(), 3U);
    at += splitter.scan(stream.substr(at));
    EXPECT_EQ(splitter.first_line(), 6U);
}

TEST(JsonSplitter, HasNoSizeBetweenObjects) {
    JsonSplitter splitter;
    EXPECT_EQ(splitter.scan("[{}"), 3U);
    EXPECT_EQ(splitter.size(), 2U);
    splitter.scan("");
    EXPECT_EQ(splitter.size(), 0U);
    splitter.scan(" , ");
    EXPECT_EQ(splitter.size(), 0U);
    splitter.scan("{\"");
    EXPECT_EQ(splitter.size(), 2U);
}

TEST(JsonSplitter, RefusesWhatIsNestedWithoutEnd) {
    const auto deep = "{\"a\":" + std::string(100'000, '[');
    EXPECT_THROW(split(deep, 1000), MalformedJson);
}

}  // namespace
