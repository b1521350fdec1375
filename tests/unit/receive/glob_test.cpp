#include "glob.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using receiving::Glob;

bool matches(std::string_view pattern, std::string_view text) {
    return Glob(pattern).matches(text);
}

std::string repeated(std::string_view text, int times) {
    std::string result;
    for (int i = 0; i < times; ++i) {
        result += text;
    }
    return result;
}

std::string refusal_of_pattern(std::string_view pattern) {
    try {
        const Glob glob(pattern);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "taken";
}

TEST(Glob, OfPlainTextMatchesThatTextAlone) {
    EXPECT_TRUE(matches("order", "order"));
    for (const auto* text : {"", "orde", "orders", "border", "Order"}) {
        EXPECT_FALSE(matches("order", text)) << text;
    }
}

TEST(Glob, OfNothingMatchesNothingElse) {
    EXPECT_TRUE(matches("", ""));
    EXPECT_FALSE(matches("", "a"));
}

TEST(Glob, StarIsAnyText) {
    for (const auto* text : {"", "a", "a.b\n*", "\xFF\x80"}) {
        EXPECT_TRUE(matches("*", text)) << text;
        EXPECT_TRUE(matches("**", text)) << text;
    }
    EXPECT_TRUE(matches("*", std::string_view("\0\0", 2)));
}

TEST(Glob, StarStandsAnywhere) {
    for (const auto* pattern :
         {"order.*", "*.created", "*er.cr*", "o*d", "order.created*", "*order.created", "o*e*e*d"}) {
        EXPECT_TRUE(matches(pattern, "order.created")) << pattern;
    }
    for (const auto* pattern : {"order.*.", "*.create", "x*", "*x", "o*x*d", "o*d*d*d", "order.created?*"}) {
        EXPECT_FALSE(matches(pattern, "order.created")) << pattern;
    }
}

TEST(Glob, StarIsTriedAgainFurtherOn) {
    EXPECT_TRUE(matches("*ab", "aab"));
    EXPECT_TRUE(matches("*abac", "ababac"));
    EXPECT_TRUE(matches("a*b?c*d", "abxabxcxd"));
    EXPECT_FALSE(matches("a*b?c*d", "abxabxcx"));
}

TEST(Glob, QuestionMarkIsOneCharacter) {
    EXPECT_TRUE(matches("a?c", "abc"));
    EXPECT_TRUE(matches("??", "ab"));
    EXPECT_FALSE(matches("a?c", "ac"));
    EXPECT_FALSE(matches("?", ""));
    EXPECT_FALSE(matches("?", "ab"));
}

TEST(Glob, CharacterOfSeveralBytesIsOne) {
    for (const auto* text : {"\u00e9", "\u20ac", "\U0001F430"}) {
        EXPECT_TRUE(matches("?", text)) << text;
        EXPECT_FALSE(matches("*??", text)) << text;
        EXPECT_FALSE(matches("??*", text)) << text;
        EXPECT_TRUE(matches("[!a]", text)) << text;
        EXPECT_TRUE(matches(text, text)) << text;
    }
}

TEST(Glob, ByteThatIsNotUtf8IsACharacter) {
    EXPECT_TRUE(matches("a?c", "a\xFF\x63"));
    EXPECT_TRUE(matches("\xFF?", "\xFF\xFE"));
    EXPECT_FALSE(matches("\xFF", "\xFE"));
    EXPECT_FALSE(matches("\xC3*", "\u00e9"));
}

TEST(Glob, BytesThatOnlyLookLikeUtf8AreCharactersEach) {
    EXPECT_TRUE(matches("??", "\xE2\x82")) << "cut off";
    EXPECT_TRUE(matches("?a", "\xC3\x61")) << "cut off by another character";
    EXPECT_TRUE(matches("??", "\xC0\xAF")) << "longer than needed";
    EXPECT_TRUE(matches("???", "\xED\xA0\x80")) << "a surrogate";
    EXPECT_TRUE(matches("????", "\xF4\x90\x80\x80")) << "beyond Unicode";
    EXPECT_TRUE(matches("?????", "\xF8\x88\x80\x80\x80")) << "five bytes";
}

TEST(Glob, SetIsOneOfItsCharacters) {
    for (const auto* text : {"a", "c", "\u00e9", "\u20ac"}) {
        EXPECT_TRUE(matches("[a\u00e9c\u20ac]", text)) << text;
    }
    for (const auto* text : {"", "b", "ac", "\xC3", "\u00e8", "[", "]"}) {
        EXPECT_FALSE(matches("[a\u00e9c\u20ac]", text)) << text;
    }
}

TEST(Glob, SetHoldsRanges) {
    for (const auto* text : {"b", "m", "y", "0", "9", "_"}) {
        EXPECT_TRUE(matches("[b-y0-9_]", text)) << text;
    }
    for (const auto* text : {"a", "z", "-", "B", "/", ":"}) {
        EXPECT_FALSE(matches("[b-y0-9_]", text)) << text;
    }
    EXPECT_TRUE(matches("[\u03b1-\u03c9]", "\u03c0"));
    EXPECT_TRUE(matches("[a-a]", "a"));
}

TEST(Glob, NegatedSetIsAnyOtherCharacter) {
    EXPECT_TRUE(matches("[!a-c]x", "dx"));
    EXPECT_TRUE(matches("[!a-c]x", "!x"));
    EXPECT_FALSE(matches("[!a-c]x", "bx"));
    EXPECT_FALSE(matches("[!a-c]x", "x"));
}

TEST(Glob, SignsOfSetsCanBeMembers) {
    EXPECT_TRUE(matches("[]a]", "]"));
    EXPECT_TRUE(matches("[!]a]", "b"));
    EXPECT_FALSE(matches("[!]a]", "]"));
    EXPECT_TRUE(matches("[-a]", "-"));
    EXPECT_TRUE(matches("[a-]", "-"));
    EXPECT_FALSE(matches("[a-]", "b"));
    EXPECT_TRUE(matches("[a!]", "!"));
    EXPECT_TRUE(matches("[a^]", "^"));
    for (const auto* text : {"*", "?", "["}) {
        EXPECT_TRUE(matches("[*?[]", text)) << text;
    }
}

TEST(Glob, BackslashTakesTheNextCharacterAsItIs) {
    EXPECT_TRUE(matches(R"(\*\?\[\\\a)", R"(*?[\a)"));
    EXPECT_FALSE(matches(R"(\*)", "a"));
    EXPECT_TRUE(matches("\\\u00e9", "\u00e9"));
}

TEST(Glob, BackslashWorksInASet) {
    for (const auto* text : {"]", "-", "^", "a", "z"}) {
        EXPECT_TRUE(matches(R"([\^a\-z\]])", text)) << text;
    }
    EXPECT_FALSE(matches(R"([a\-z])", "b"));
    EXPECT_FALSE(matches(R"([a\-z])", "\\"));
    EXPECT_TRUE(matches(R"([\!a])", "a"));
}

TEST(Glob, BracketThatClosesNothingStandsForItself) {
    EXPECT_TRUE(matches("a]-!^", "a]-!^"));
}

TEST(Glob, RefusesASetWithoutEnd) {
    for (const auto* pattern : {"[", "a[bc", "[]", "[!", "[!]", "[a-", R"([a\])"}) {
        EXPECT_EQ(refusal_of_pattern(pattern), R"(a [ has no ]; \[ stands for the bracket)") << pattern;
    }
}

TEST(Glob, RefusesABackslashAtTheEnd) {
    for (const auto* pattern : {R"(\)", R"(a\)", R"(a\\\)", R"([a\)", R"([a-\)"}) {
        EXPECT_EQ(refusal_of_pattern(pattern), R"(nothing follows the \ at the end; \\ stands for a backslash)")
            << pattern;
    }
}

TEST(Glob, RefusesARangeThatRunsBackwards) {
    EXPECT_EQ(refusal_of_pattern("[z-a]"), "a range in [] ends before it begins; write it as a-z");
}

TEST(Glob, RefusesACircumflexThatBeginsASet) {
    EXPECT_EQ(refusal_of_pattern("[^a]"), R"(a set begins with ^; [!a] is any character but a, and \^ stands for a ^)");
    EXPECT_TRUE(matches("[!^]", "a"));
}

// Trying every way to share the text out among the stars would outlast any deadline.
TEST(Glob, ManyStarsTakeNoLonger) {
    const auto text = repeated("a", 100'000);
    EXPECT_FALSE(matches(repeated("a*", 100) + "b", text));
    EXPECT_TRUE(matches(repeated("a*", 100) + "b", text + "b"));
    EXPECT_FALSE(matches(fmt::format("*{}b", repeated("a", 100)), text));
    EXPECT_FALSE(matches(repeated("*?", 100) + "b", text));
}

}  // namespace
