#include "program_name.hpp"

#include <gtest/gtest.h>

namespace {

TEST(CalledName, IsTheLastPartOfThePath) {
    EXPECT_EQ(cli::called_name("/usr/local/bin/rabbit-send", "send"), "rabbit-send");
    EXPECT_EQ(cli::called_name("../send", "send"), "send");
    EXPECT_EQ(cli::called_name("put_1.0+x", "send"), "put_1.0+x");
}

TEST(CalledName, IsTheProgramsOwnWhereThatPartIsNoPlainName) {
    for (const auto* path : {"", "/", "/bin/", "a b", "/bin/\033[2J", "send\n", "s\xc3\xa9nd", "%s{}"}) {
        EXPECT_EQ(cli::called_name(path, "send"), "send") << path;
    }
    EXPECT_EQ(cli::called_name(nullptr, "send"), "send");
}

TEST(PrefixOf, IsWhatStandsBeforeTheProgramsOwnName) {
    EXPECT_EQ(cli::prefix_of("rabbit-send", "send"), "rabbit-");
    EXPECT_EQ(cli::prefix_of("send", "send"), "");
    EXPECT_EQ(cli::prefix_of("publish", "send"), "");
}

TEST(WithPrefix, IsPutBeforeCommandsAlone) {
    EXPECT_EQ(cli::with_prefix("send", "x-"), "x-send");
    EXPECT_EQ(cli::with_prefix("  send -0 | receive --drain\n  receive\n", "x-"),
              "  x-send -0 | x-receive --drain\n  x-receive\n");
    EXPECT_EQ(cli::with_prefix("receive --count, send --request: some", "x-"),
              "x-receive --count, x-send --request: some");
    for (const auto* text : {"to send it", "resend --x", "sender", "--send -x", "what to receive"}) {
        EXPECT_EQ(cli::with_prefix(text, "x-"), text);
    }
}

}  // namespace
