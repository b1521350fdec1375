#include "glob.hpp"

#include "rabbit/deadline.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>

namespace receiving {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
    return Glob(pattern).matches(text);
}

std::string refusal(std::string_view pattern) {
    try {
        const Glob glob(pattern);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return {};
}

TEST(Glob, MatchesTheWholeText) {
    EXPECT_TRUE(matches("abc", "abc"));
    EXPECT_FALSE(matches("abc", "abcd"));
    EXPECT_FALSE(matches("abc", "ab"));
    EXPECT_FALSE(matches("abc", "Abc"));
    EXPECT_TRUE(matches("", ""));
    EXPECT_FALSE(matches("", "a"));
}

TEST(Glob, AStarIsAnyBytes) {
    EXPECT_TRUE(matches("*", ""));
    EXPECT_TRUE(matches("*", std::string_view("a\0\xFF", 3)));
    EXPECT_TRUE(matches("a*c", "ac"));
    EXPECT_TRUE(matches("a*c", "abcbc"));
    EXPECT_FALSE(matches("a*c", "abcb"));
    EXPECT_TRUE(matches("*.*.log", "a.b.c.log"));
    EXPECT_FALSE(matches("*.*.log", "a.log"));
    EXPECT_TRUE(matches("a**", "a"));
}

TEST(Glob, AQuestionMarkIsOneCharacter) {
    EXPECT_TRUE(matches("a?c", "abc"));
    EXPECT_FALSE(matches("a?c", "ac"));
    EXPECT_TRUE(matches("?", "\u20ac"));
    EXPECT_FALSE(matches("??", "\u20ac"));
}

TEST(Glob, AByteThatIsNotUtf8IsACharacterOfItsOwn) {
    EXPECT_TRUE(matches("?", "\xE9"));
    EXPECT_TRUE(matches("??", "\xE2\x82"));
    EXPECT_TRUE(matches("\xE9", "\xE9"));
    EXPECT_FALSE(matches("\xE9", "\u00e9"));
}

TEST(Glob, ASetIsOneOfItsCharacters) {
    EXPECT_TRUE(matches("[abc]", "b"));
    EXPECT_FALSE(matches("[abc]", "d"));
    EXPECT_TRUE(matches("[a-cx]", "x"));
    EXPECT_FALSE(matches("[a-c]", "-"));
    EXPECT_TRUE(matches("[\u20ac]", "\u20ac"));
    EXPECT_TRUE(matches("[]a]", "]"));
    EXPECT_TRUE(matches("[a-]", "-"));
}

TEST(Glob, ANegatedSetIsAnyOther) {
    EXPECT_TRUE(matches("[!abc]", "d"));
    EXPECT_FALSE(matches("[!abc]", "a"));
    EXPECT_FALSE(matches("[!abc]", ""));
    EXPECT_TRUE(matches("[^a]", "b"));
}

TEST(Glob, ABackslashTakesAMeaningAway) {
    EXPECT_TRUE(matches(R"(\*)", "*"));
    EXPECT_FALSE(matches(R"(\*)", "a"));
    EXPECT_TRUE(matches(R"([\]])", "]"));
    EXPECT_TRUE(matches(R"(\\)", R"(\)"));
    EXPECT_TRUE(matches(R"(\[a])", "[a]"));
}

TEST(Glob, IsRefusedWhereItHasNoEnd) {
    EXPECT_EQ(refusal("[a"), "a [ has no ]; for the bracket itself write \\[");
    EXPECT_EQ(refusal("[]"), "a [ has no ]; for the bracket itself write \\[");
    EXPECT_EQ(refusal("a\\"), "it ends with a backslash; for the backslash itself write two");
    EXPECT_EQ(refusal("[z-a]"), "a range in [] runs backwards");
}

TEST(Glob, TakesNoMoreThanTheProductOfBothLengths) {
    const std::string text(100'000, 'a');
    std::string pattern;
    for (int i = 0; i < 50; ++i) {
        pattern += "a*";
    }
    const auto begun = rabbit::Clock::now();
    EXPECT_FALSE(matches(pattern + "b", text));
    EXPECT_TRUE(matches(pattern, text));
    EXPECT_LT(rabbit::Clock::now() - begun, std::chrono::seconds(5));
}

}  // namespace
}  // namespace receiving
