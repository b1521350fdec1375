#include "rabbit/endpoint.hpp"

#include "rabbit/error.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ostream>
#include <string>
#include <string_view>

namespace rabbit {

// For gtest's messages.
void PrintTo(const Endpoint& endpoint, std::ostream* out) {
    *out << (endpoint.tls ? "tls " : "") << endpoint.user << ':' << endpoint.password << '@' << endpoint.host
         << " port " << endpoint.port << " vhost '" << endpoint.vhost << '\'';
}

}  // namespace rabbit

namespace {

using rabbit::Endpoint;

struct Example {
    std::string_view uri;
    Endpoint endpoint;
};

void PrintTo(const Example& example, std::ostream* out) {
    *out << example.uri;
}

Endpoint endpoint(std::string user, std::string password, std::string host, std::uint16_t port, std::string vhost) {
    return {.host = std::move(host),
            .port = port,
            .user = std::move(user),
            .password = std::move(password),
            .vhost = std::move(vhost),
            .tls = false};
}

Endpoint with_tls(Endpoint plain) {
    plain.tls = true;
    return plain;
}

class EndpointOf : public testing::TestWithParam<Example> {};

TEST_P(EndpointOf, IsAsSpecified) {
    EXPECT_EQ(Endpoint::parse(GetParam().uri), GetParam().endpoint);
}

// https://www.rabbitmq.com/docs/uri-spec#appendix-a-examples; what is absent there is a default here, and so is the
// virtual host of a path of "/" alone, which the specification takes for the one with the empty name.
INSTANTIATE_TEST_SUITE_P(
    TheSpecificationsExamples, EndpointOf,
    testing::Values(Example{"amqp://user:pass@host:10000/vhost", endpoint("user", "pass", "host", 10000, "vhost")},
                    Example{"amqp://user%61:%61pass@ho%61st:10000/v%2fhost",
                            endpoint("usera", "apass", "hoast", 10000, "v/host")},
                    Example{"amqp://", endpoint("guest", "guest", "localhost", 5672, "/")},
                    Example{"amqp://:@/", endpoint("", "", "localhost", 5672, "/")},
                    Example{"amqp://user@", endpoint("user", "guest", "localhost", 5672, "/")},
                    Example{"amqp://user:pass@", endpoint("user", "pass", "localhost", 5672, "/")},
                    Example{"amqp://host", endpoint("guest", "guest", "host", 5672, "/")},
                    Example{"amqp://:10000", endpoint("guest", "guest", "localhost", 10000, "/")},
                    Example{"amqp:///vhost", endpoint("guest", "guest", "localhost", 5672, "vhost")},
                    Example{"amqp://host/", endpoint("guest", "guest", "host", 5672, "/")},
                    Example{"amqp://host/%2f", endpoint("guest", "guest", "host", 5672, "/")},
                    Example{"amqp://[::1]", endpoint("guest", "guest", "::1", 5672, "/")}));

INSTANTIATE_TEST_SUITE_P(
    Hosts, EndpointOf,
    testing::Values(
        Example{"amqp://[::1]:10000", endpoint("guest", "guest", "::1", 10000, "/")},
        Example{"amqp://user:pass@[2001:db8::7]:10000/%2F", endpoint("user", "pass", "2001:db8::7", 10000, "/")},
        Example{"amqp://[::ffff:192.0.2.1]/", endpoint("guest", "guest", "::ffff:192.0.2.1", 5672, "/")},
        Example{"amqp://192.0.2.1", endpoint("guest", "guest", "192.0.2.1", 5672, "/")},
        Example{"amqp://rabbit-1.example.com", endpoint("guest", "guest", "rabbit-1.example.com", 5672, "/")},
        Example{"amqp://rabbit_1", endpoint("guest", "guest", "rabbit_1", 5672, "/")}));

INSTANTIATE_TEST_SUITE_P(
    Ports, EndpointOf,
    testing::Values(Example{"amqp://host:1", endpoint("guest", "guest", "host", 1, "/")},
                    Example{"amqp://host:65535", endpoint("guest", "guest", "host", 65535, "/")},
                    Example{"amqp://host:", endpoint("guest", "guest", "host", 5672, "/")},
                    Example{"amqps://host", with_tls(endpoint("guest", "guest", "host", 5671, "/"))},
                    Example{"amqps://", with_tls(endpoint("guest", "guest", "localhost", 5671, "/"))},
                    Example{"amqps://host:5672/v", with_tls(endpoint("guest", "guest", "host", 5672, "v"))}));

INSTANTIATE_TEST_SUITE_P(
    Encodings, EndpointOf,
    testing::Values(Example{"amqp://a%40b:c%3Ad@host/e%3Ff", endpoint("a@b", "c:d", "host", 5672, "e?f")},
                    Example{"amqp://user:c:d@host", endpoint("user", "c:d", "host", 5672, "/")},
                    Example{"amqp://user:p%2fs%23s%25@host", endpoint("user", "p/s#s%", "host", 5672, "/")},
                    Example{"amqp://user:+&=!$'()*,;~-._@host", endpoint("user", "+&=!$'()*,;~-._", "host", 5672, "/")},
                    Example{"amqp://user:p@host/a+b@c:d", endpoint("user", "p", "host", 5672, "a+b@c:d")},
                    Example{"amqp://host/%2F%2f", endpoint("guest", "guest", "host", 5672, "//")},
                    Example{"amqp://host/%E4%BB%8A", endpoint("guest", "guest", "host", 5672, "今")},
                    Example{"amqp://host/%252f", endpoint("guest", "guest", "host", 5672, "%2f")}));

class EndpointWithByte : public testing::TestWithParam<int> {};

TEST_P(EndpointWithByte, DecodesItEverywhere) {
    const std::string byte(1, static_cast<char>(GetParam()));
    std::array<char, 4> lower{};
    std::array<char, 4> upper{};
    std::snprintf(lower.data(), lower.size(), "%%%02x", static_cast<unsigned>(GetParam()));
    std::snprintf(upper.data(), upper.size(), "%%%02X", static_cast<unsigned>(GetParam()));
    const auto uri = std::string("amqp://u") + lower.data() + ":p" + upper.data() + "@host/v" + lower.data() + "w";
    EXPECT_EQ(Endpoint::parse(uri), endpoint("u" + byte, "p" + byte, "host", 5672, "v" + byte + "w"));
}

INSTANTIATE_TEST_SUITE_P(Encoded, EndpointWithByte, testing::Range(1, 256));

struct Malformed {
    std::string_view uri;
    std::string_view help;  ///< what the text must say
};

void PrintTo(const Malformed& malformed, std::ostream* out) {
    *out << malformed.uri;
}

class EndpointRefuses : public testing::TestWithParam<Malformed> {};

TEST_P(EndpointRefuses, AndSaysWhy) {
    try {
        Endpoint::parse(GetParam().uri);
        FAIL() << "taken";
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(error.kind(), rabbit::ErrorKind::invalid);
        EXPECT_NE(std::string(error.what()).find(GetParam().help), std::string::npos) << error.what();
    }
}

INSTANTIATE_TEST_SUITE_P(
    Malformed, EndpointRefuses,
    testing::Values(
        Malformed{"", "amqp://"}, Malformed{"localhost", "amqp://"}, Malformed{"localhost:5672", "amqp://"},
        Malformed{"//host", "amqp://"}, Malformed{"http://host", "amqp://"}, Malformed{"amqp+tls://host", "amqp://"},
        Malformed{"amqp:", "'://'"}, Malformed{"amqp:host", "'://'"}, Malformed{"amqp:/host", "'://'"},
        Malformed{"amqp://host:0", "the port is not"}, Malformed{"amqp://host:65536", "the port is not"},
        Malformed{"amqp://host:99999999999999999999", "from 1 to 65535"},
        Malformed{"amqp://host:-1", "the port is not"}, Malformed{"amqp://host:amqp", "the port is not"},
        Malformed{"amqp://host:56 72", "the port is not"}, Malformed{"amqp://user:pass", "if it is a password"},
        Malformed{"user:pass@host", "amqp://"}, Malformed{"127.0.0.1:5672", "amqp://"},
        Malformed{"amqp://user:p@ss@host", "%40"}, Malformed{"amqp://::1", "brackets"},
        Malformed{"amqp://u:p@2001:db8::7:5672/v", "brackets"}, Malformed{"amqp://[::1]:x", "character"},
        Malformed{"amqps://host?server_name_indication=%00", "NUL"}, Malformed{"amqp://host/a/b", "%2f"},
        Malformed{"amqp://host/a/", "%2f"}, Malformed{"amqp://host//", "%2f"}, Malformed{"amqp://host/v#f", "%23"},
        Malformed{"amqp://host/a b", "character 14"}, Malformed{" amqp://host", "amqp://"},
        Malformed{"amqp://host/%", "%XX"}, Malformed{"amqp://host/%4", "%XX"}, Malformed{"amqp://host/%zz", "%XX"},
        Malformed{"amqp://[::1", "character"}, Malformed{"amqp://[host]", "character"},
        Malformed{"amqp://h\xc3\xb6st", "character 9"}, Malformed{"amqp://host/\n", "character 13"}));

TEST(Endpoint, RefusesAVirtualHostOfMoreThan255Bytes) {
    EXPECT_EQ(Endpoint::parse("amqp://host/" + std::string(255, 'v')).vhost.size(), 255U);
    EXPECT_THROW(Endpoint::parse("amqp://host/" + std::string(256, 'v')), rabbit::Error);
}

TEST(Endpoint, RefusesANulThatTheLoginCannotCarry) {
    for (const auto* uri : {"amqp://a%00b@host", "amqp://user:a%00b@host", "amqp://a%00b"}) {
        const auto parse = [uri] { return Endpoint::parse(uri); };
        EXPECT_THROW(parse(), rabbit::Error) << uri;
    }
}

class EndpointWithPassword : public testing::TestWithParam<std::string_view> {};

TEST_P(EndpointWithPassword, IsRefusedWithoutShowingIt) {
    try {
        Endpoint::parse(GetParam());
        FAIL() << "taken";
    } catch (const rabbit::Error& error) {
        EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos) << error.what();
    }
}

INSTANTIATE_TEST_SUITE_P(
    Malformed, EndpointWithPassword,
    testing::Values("http://user:secret@host", "amqp:user:secret@host", "user:secret@host", "amqp://user:secret",
                    "amqp://user:se:cret", "127.0.0.1:secret", "amqp://user:sec@secret@host",
                    "amqp://user:secret@host:0", "amqp://user:secret@host:port", "amqp://user:secret@host/a/b",
                    "amqp://user:secret@host/#f", "amqp://user:secret%@host", "amqp://user:secret @host",
                    "amqp://user:secret/1@host", "amqp://user:secret#1@host", "amqp://user:secret?1@host",
                    "amqp://user:secret@1@host", "amqp://user:1#secret@host", "amqp://user:1/2/secret@host",
                    "amqp://user:1?secret@host", "amqps://host?password=secret", "amqp://user:se[cret@host",
                    "amqp://user:secret\xff@host"));

// https://www.rabbitmq.com/docs/uri-query-parameters

TEST(EndpointQuery, SetsEveryParameter) {
    const auto parsed = Endpoint::parse(
        "amqps://host/v?heartbeat=7&connection_timeout=1500&cacertfile=/a%20b/ca.pem&certfile=cert.pem&keyfile=key.pem"
        "&verify=verify_none&server_name_indication=rabbit.example.com&auth_mechanism=external");
    EXPECT_EQ(parsed.vhost, "v");
    EXPECT_EQ(parsed.heartbeat, std::chrono::seconds(7));
    EXPECT_EQ(parsed.connect_timeout, std::chrono::milliseconds(1500));
    EXPECT_EQ(parsed.tls_options.ca_file, "/a b/ca.pem");
    EXPECT_EQ(parsed.tls_options.certificate_file, "cert.pem");
    EXPECT_EQ(parsed.tls_options.key_file, "key.pem");
    EXPECT_EQ(parsed.tls_options.server_name, "rabbit.example.com");
    EXPECT_TRUE(parsed.tls_options.sends_server_name);
    EXPECT_FALSE(parsed.tls_options.verify);
    EXPECT_EQ(parsed.auth_mechanism, rabbit::AuthMechanism::external);
}

TEST(EndpointQuery, ChangesNothingWhenItIsEmpty) {
    EXPECT_EQ(Endpoint::parse("amqp://host?"), Endpoint::parse("amqp://host"));
    EXPECT_EQ(Endpoint::parse("amqp://host/v?"), Endpoint::parse("amqp://host/v"));
}

TEST(EndpointQuery, VerifiesUnlessToldNotTo) {
    EXPECT_TRUE(Endpoint::parse("amqps://host").tls_options.verify);
    EXPECT_TRUE(Endpoint::parse("amqps://host?verify=verify_peer").tls_options.verify);
}

TEST(EndpointQuery, TurnsTheServerNameOff) {
    const auto parsed = Endpoint::parse("amqps://host?server_name_indication=disable");
    EXPECT_FALSE(parsed.tls_options.sends_server_name);
    EXPECT_EQ(parsed.tls_options.server_name, "");
}

TEST(EndpointQuery, TurnsHeartbeatsOff) {
    EXPECT_EQ(Endpoint::parse("amqp://host?heartbeat=0").heartbeat, std::chrono::seconds(0));
}

INSTANTIATE_TEST_SUITE_P(MalformedQuery, EndpointRefuses,
                         testing::Values(Malformed{"amqp://host?heartbeat=fast", "heartbeat"},
                                         Malformed{"amqp://host?heartbeat", "heartbeat"},
                                         Malformed{"amqp://host?heartbeat=-1", "heartbeat"},
                                         Malformed{"amqp://host?heartbeat=1s", "heartbeat"},
                                         Malformed{"amqp://host?heartbeat=65536", "65535"},
                                         Malformed{"amqp://host?connection_timeout=99999999999", "connection_timeout"},
                                         Malformed{"amqps://host?verify=no", "verify_none"},
                                         Malformed{"amqps://host?auth_mechanism=magic", "external"},
                                         Malformed{"amqp://host?unheard_of=1", "heartbeat"},
                                         Malformed{"amqp://host?=", "heartbeat"}));

TEST(Endpoint, HasTheDefaultVirtualHostForAPathOfASlashAlone) {
    for (const auto* uri :
         {"amqp://h/", "amqp:///", "amqps://h/", "amqp://u:p@h:1/?heartbeat=5", "amqp://h", "amqp://h/%2f"}) {
        EXPECT_EQ(Endpoint::parse(uri).vhost, "/") << uri;
    }
}

TEST(Endpoint, DefaultsAreTheTutorials) {
    EXPECT_EQ(Endpoint(), Endpoint::parse("amqp://guest:guest@localhost:5672/"));
}

TEST(EndpointName, IsHostAndPort) {
    EXPECT_EQ(Endpoint::parse("amqp://user:secret@host/v").name(), "host:5672");
}

TEST(EndpointName, HasIpv6InBrackets) {
    EXPECT_EQ(Endpoint::parse("amqps://[::1]").name(), "[::1]:5671");
}

}  // namespace
