#include "redact.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

std::string redacted(std::string text) {
    cli::blot_out_passwords(text.data(), text.data() + text.size());
    return text;
}

TEST(Redact, LeavesATextWithoutAUrlAsItIs) {
    for (const auto* text : {"", "send", "a:b@c", "--queue", "12:30", "it is amqp"}) {
        EXPECT_EQ(redacted(text), text);
    }
}

TEST(Redact, LeavesAUrlWithoutAPasswordAsItIs) {
    for (const auto* text :
         {"amqp://", "amqp://host", "amqp://host:5672/v", "amqp://user@host:5672", "amqp://[::1]:5672/v"}) {
        EXPECT_EQ(redacted(text), text);
    }
}

TEST(Redact, BlotsOutThePassword) {
    EXPECT_EQ(redacted("amqp://user:secret@host:5672/v"), "amqp://user:******@host:5672/v");
    EXPECT_EQ(redacted("--url=amqps://user:secret@host"), "--url=amqps://user:******@host");
    EXPECT_EQ(redacted("http://user:secret@host"), "http://user:******@host");
}

TEST(Redact, BlotsOutThePasswordOfEachUrl) {
    EXPECT_EQ(redacted("amqp://a:one@h,amqp://b:three@i"), "amqp://a:***@h,amqp://b:*****@i");
}

TEST(Redact, BlotsOutTooMuchOfAMalformedUrlRatherThanTooLittle) {
    for (const auto* text : {"amqp://user:se/secret@host", "amqp://user:se@secret@host", "amqp://user:secret",
                             "amqp:user:secret@host", "amqp://user:?secret@host", "amqp://user:#secret@host"}) {
        EXPECT_EQ(redacted(text).find("secret"), std::string::npos) << redacted(text);
    }
}

TEST(Redact, KeepsTheLengthOfTheText) {
    EXPECT_EQ(redacted("amqp://user:secret@host").size(), std::string("amqp://user:secret@host").size());
}

}  // namespace
