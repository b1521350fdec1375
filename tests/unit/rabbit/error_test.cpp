#include "rabbit/error.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

TEST(Error, ReadsOperationColonCause) {
    const rabbit::Error error(rabbit::ErrorKind::closed, "cannot declare queue 'hello'", "405 RESOURCE_LOCKED", 405);
    EXPECT_STREQ(error.what(), "cannot declare queue 'hello': 405 RESOURCE_LOCKED");
}

TEST(Error, KeepsItsParts) {
    const rabbit::Error error(rabbit::ErrorKind::closed, "cannot declare queue 'hello'", "405 RESOURCE_LOCKED", 405);
    EXPECT_EQ(error.kind(), rabbit::ErrorKind::closed);
    EXPECT_EQ(error.cause(), "405 RESOURCE_LOCKED");
    EXPECT_EQ(error.reply_code(), 405);
}

TEST(Error, HasNoReplyCodeUnlessTheBrokerSentOne) {
    EXPECT_EQ(rabbit::Error(rabbit::ErrorKind::lost, "lost", "gone").reply_code(), 0);
}

TEST(CheckShortString, TakesUpTo255Bytes) {
    EXPECT_NO_THROW(rabbit::check_short_string("queue name", ""));
    EXPECT_NO_THROW(rabbit::check_short_string("queue name", std::string(255, 'q')));
}

TEST(CheckShortString, RefusesMoreAndSaysWhichName) {
    try {
        rabbit::check_short_string("queue name", std::string(256, 'q'));
        FAIL() << "took 256 bytes";
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(error.kind(), rabbit::ErrorKind::invalid);
        EXPECT_NE(std::string(error.what()).find("queue name of 256 bytes"), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find("255"), std::string::npos) << error.what();
    }
}

}  // namespace
