#include "connection_flags.hpp"

#include "failure.hpp"
#include "rabbit/error.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace {

using cli::ConnectionFlags;

class Connecting : public testing::Test {
protected:
    Connecting() {
        unsetenv("AMQP_URL");
        unsetenv("AMQP_PASSWORD");
    }
    ~Connecting() override {
        unsetenv("AMQP_URL");
        unsetenv("AMQP_PASSWORD");
    }

    static std::vector<std::string> names(const ConnectionFlags& flags) {
        std::vector<std::string> result;
        for (const auto& endpoint : flags.endpoints()) {
            result.push_back(endpoint.name());
        }
        return result;
    }

    static std::string refusal(const ConnectionFlags& flags) {
        try {
            static_cast<void>(flags.endpoints());
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "taken";
    }

    ConnectionFlags flags_;
};

using Names = std::vector<std::string>;

TEST_F(Connecting, GoesToTheTutorialsBrokerByDefault) {
    EXPECT_EQ(flags_.endpoints(), std::vector{rabbit::Endpoint()});
}

TEST_F(Connecting, GoesToTheEnvironmentsUrl) {
    setenv("AMQP_URL", "amqp://a,amqp://b", 1);
    EXPECT_EQ(names(flags_), (Names{"a:5672", "b:5672"}));
    flags_.urls = {"amqp://c"};
    EXPECT_EQ(names(flags_), Names{"c:5672"});
    setenv("AMQP_URL", "", 1);
    flags_.urls.clear();
    EXPECT_EQ(names(flags_), Names{"localhost:5672"});
}

TEST_F(Connecting, TakesSeveralUrlsEachOnce) {
    flags_.urls = {" amqp://a:1 , amqp://b:2,", "amqp://a:1"};
    EXPECT_EQ(names(flags_), (Names{"a:1", "b:2"}));
}

TEST_F(Connecting, LeavesACommaInAUrl) {
    flags_.urls = {"amqp://u:a,b@h/x,y,amqps://i"};
    const auto endpoints = flags_.endpoints();
    ASSERT_EQ(endpoints.size(), 2U);
    EXPECT_EQ(endpoints[0].password, "a,b");
    EXPECT_EQ(endpoints[0].vhost, "x,y");
}

TEST_F(Connecting, OverridesThePartsOfTheUrl) {
    flags_.urls = {"amqp://u:p@h:1/v?heartbeat=7&connection_timeout=8"};
    flags_.host = "[::1]";
    flags_.port = std::uint16_t{2};
    flags_.vhost = "";
    flags_.user = "w";
    flags_.heartbeat = cli::Seconds(0.5);
    flags_.connect_timeout = cli::Seconds(1.5);
    setenv("AMQP_PASSWORD", "x", 1);
    const auto endpoint = flags_.endpoints().front();
    EXPECT_EQ(endpoint.name(), "[::1]:2");
    EXPECT_EQ(endpoint.vhost, "");
    EXPECT_EQ(endpoint.user, "w");
    EXPECT_EQ(endpoint.password, "x");
    EXPECT_EQ(endpoint.heartbeat, std::chrono::seconds(1));
    EXPECT_EQ(endpoint.connect_timeout, std::chrono::milliseconds(1500));
}

TEST_F(Connecting, UsesTlsAndItsPort) {
    flags_.tls = true;
    EXPECT_EQ(names(flags_), Names{"localhost:5671"});
    flags_.urls = {"amqp://h:1234"};
    EXPECT_EQ(names(flags_), Names{"h:1234"});
    flags_.tls_insecure = true;
    EXPECT_FALSE(flags_.endpoints().front().tls_options.verify);
}

TEST_F(Connecting, NamesTheSourceOfAMalformedUrl) {
    flags_.urls = {"localhost"};
    EXPECT_EQ(refusal(flags_), "--url: malformed AMQP URL: it must begin with amqp:// or amqps://");
    flags_.urls = {"amqp://a,amqp://b:x"};
    EXPECT_NE(refusal(flags_).find("--url, URL 2: malformed AMQP URL: the port"), std::string::npos) << refusal(flags_);
    flags_.urls.clear();
    setenv("AMQP_URL", "localhost", 1);
    EXPECT_EQ(refusal(flags_), "AMQP_URL: malformed AMQP URL: it must begin with amqp:// or amqps://");
}

TEST_F(Connecting, RefusesWhatIsNoHost) {
    for (const auto* host : {"", "amqp://h", "u@h", "h:5672", "::1:x"}) {
        flags_.host = host;
        EXPECT_TRUE(refusal(flags_).starts_with("--host")) << host << ": " << refusal(flags_);
    }
}

TEST_F(Connecting, RefusesOptionsOfTlsWithoutIt) {
    flags_.tls_ca = "ca.pem";
    EXPECT_EQ(refusal(flags_), "--tls-ca needs --tls or a URL that begins with amqps://");
}

}  // namespace
