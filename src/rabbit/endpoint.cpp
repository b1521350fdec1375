#include "rabbit/endpoint.hpp"

#include "rabbit/error.hpp"

#include <fmt/format.h>
#include <uriparser/Uri.h>

#include <algorithm>
#include <charconv>
#include <memory>

namespace rabbit {
namespace {

struct FreeUri {
    void operator()(UriUriA* uri) const noexcept {
        uriFreeUriMembersA(uri);
        delete uri;
    }
};

[[noreturn]] void malformed(std::string_view cause) {
    throw Error(ErrorKind::invalid, "malformed AMQP URL", cause);
}

std::string_view text(const UriTextRangeA& range) {
    return range.first ? std::string_view(range.first, static_cast<std::size_t>(range.afterLast - range.first))
                       : std::string_view();
}

/// Percent-decoding of any byte, NUL included, which uriparser's own, ending at a NUL, cannot give.
std::string decoded(std::string_view encoded) {
    std::string result;
    for (std::size_t at = 0; at < encoded.size(); ++at) {
        if (encoded[at] != '%') {
            result += encoded[at];
            continue;
        }
        unsigned byte = 0;
        std::from_chars(encoded.data() + at + 1, encoded.data() + at + 3, byte, 16);
        result += static_cast<char>(byte);
        at += 2;
    }
    return result;
}

/// What stands in the port's place may be half a password, so it is not shown.
std::uint16_t parse_port(std::string_view digits) {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size() || port == 0 || port > 65535) {
        malformed("the port is not a number from 1 to 65535 (if it is a password, @ and the host must follow it)");
    }
    return static_cast<std::uint16_t>(port);
}

/// The mistakes that a URL is most often made with, found before the parser could find only that a character is not
/// allowed, or take the rest of a password for something that may be shown.
void check_form(std::string_view uri) {
    if (!uri.starts_with("amqp:") && !uri.starts_with("amqps:")) {
        malformed("it must begin with amqp:// or amqps://");
    }
    const auto rest = uri.substr(uri.find(':') + 1);
    if (!rest.starts_with("//")) {
        malformed(fmt::format("after '{}' comes '://'", uri.substr(0, uri.find(':'))));
    }
    const auto authority = rest.substr(2, std::min(rest.find_first_of("/?#", 2), rest.size()) - 2);
    const auto after = rest.substr(2 + authority.size());
    const auto at = authority.rfind('@');
    if (after.find('@', at != std::string_view::npos ? after.find_first_of("?#") : 0) != std::string_view::npos) {
        malformed(
            "an '@' stands after the host; in a user or password write '/' as %2F, '?' as %3F, '#' as %23, and in "
            "what comes after the host '@' as %40");
    }
    if (authority.find('@') != at) {
        malformed("there is more than one '@' before the host; write it in a user or password as %40");
    }
    const auto host_and_port = authority.substr(at + 1);
    if (std::count(host_and_port.begin(), host_and_port.end(), ':') > 1 &&
        host_and_port.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos) {
        malformed("an IPv6 address must stand in brackets, as in [::1]:5672");
    }
    const auto colon = host_and_port.find(':');
    if (!host_and_port.starts_with('[') && colon != std::string_view::npos && colon + 1 < host_and_port.size()) {
        parse_port(host_and_port.substr(colon + 1));
    }
}

/// The parser's own texts would quote the URL and with it the password.
std::unique_ptr<UriUriA, FreeUri> parse_uri(std::string_view uri) {
    auto parsed = std::make_unique<UriUriA>();
    const char* error_at = nullptr;
    if (uriParseSingleUriExA(parsed.get(), uri.data(), uri.data() + uri.size(), &error_at) != URI_SUCCESS) {
        malformed(fmt::format("character {} is not allowed there; write special characters as %XX",
                              error_at ? error_at - uri.data() + 1 : 1));
    }
    return std::unique_ptr<UriUriA, FreeUri>(parsed.release());
}

unsigned parse_number(std::string_view name, std::string_view digits, unsigned least, unsigned most) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size() || number < least || number > most) {
        malformed(fmt::format("{} '{}' is not a number from {} to {}", name, digits, least, most));
    }
    return number;
}

void set_parameter(Endpoint& endpoint, const std::string& name, const std::string& value) {
    auto& tls = endpoint.tls_options;
    if (name == "heartbeat") {
        endpoint.heartbeat = std::chrono::seconds(parse_number(name, value, 0, 65535));
    } else if (name == "connection_timeout") {
        endpoint.connect_timeout = std::chrono::milliseconds(parse_number(name, value, 1, 3'600'000));
    } else if (name == "cacertfile") {
        tls.ca_file = value;
    } else if (name == "certfile") {
        tls.certificate_file = value;
    } else if (name == "keyfile") {
        tls.key_file = value;
    } else if (name == "verify") {
        if (value != "verify_peer" && value != "verify_none") {
            malformed(fmt::format("verify '{}' is neither verify_peer nor verify_none", value));
        }
        tls.verify = value == "verify_peer";
    } else if (name == "server_name_indication") {
        tls.sends_server_name = value != "disable";
        tls.server_name = tls.sends_server_name ? value : "";
    } else if (name == "auth_mechanism") {
        // As RabbitMQ's page writes them, or as SASL does.
        const bool external = value == "external" || value == "EXTERNAL";
        if (!external && value != "plain" && value != "PLAIN") {
            malformed(fmt::format("auth_mechanism '{}' is neither plain nor external", value));
        }
        endpoint.auth_mechanism = external ? AuthMechanism::external : AuthMechanism::plain;
    } else {
        malformed(
            fmt::format("there is no query parameter '{}'; known are heartbeat, connection_timeout, cacertfile, "
                        "certfile, keyfile, verify, server_name_indication, auth_mechanism",
                        name));
    }
}

void parse_query(Endpoint& endpoint, std::string_view query) {
    while (!query.empty()) {
        const auto parameter = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), parameter.size() + 1));
        const auto equals = std::min(parameter.find('='), parameter.size());
        set_parameter(endpoint, decoded(parameter.substr(0, equals)),
                      decoded(parameter.substr(std::min(equals + 1, parameter.size()))));
    }
}

}  // namespace

Endpoint Endpoint::parse(std::string_view uri) {
    check_form(uri);
    const auto parsed = parse_uri(uri);
    Endpoint endpoint;
    endpoint.tls = text(parsed->scheme) == "amqps";
    endpoint.port = endpoint.tls ? 5671 : 5672;

    if (parsed->userInfo.first) {
        const auto user_info = text(parsed->userInfo);
        const auto colon = user_info.find(':');
        endpoint.user = decoded(user_info.substr(0, colon));
        if (colon != std::string_view::npos) {
            endpoint.password = decoded(user_info.substr(colon + 1));
        }
    }
    if (const auto host = text(parsed->hostText); !host.empty()) {
        endpoint.host = decoded(host);
    }
    if (const auto port = text(parsed->portText); !port.empty()) {
        endpoint.port = parse_port(port);
    }
    if (parsed->pathHead) {
        if (parsed->pathHead->next) {
            malformed("the virtual host holds a '/'; write it as %2f");
        }
        // A path of "/" alone keeps the default, as in amqp://host: the specification's virtual host with the empty name
        // is hardly ever meant.
        if (const auto vhost = text(parsed->pathHead->text); !vhost.empty()) {
            endpoint.vhost = decoded(vhost);
        }
        check_short_string("virtual host's name", endpoint.vhost);
    }
    if (parsed->query.first) {
        parse_query(endpoint, text(parsed->query));
    }
    if (parsed->fragment.first) {
        malformed("it has a fragment; write '#' as %23");
    }
    auto& tls = endpoint.tls_options;
    for (const auto* part : {&endpoint.user, &endpoint.password, &endpoint.host, &tls.server_name, &tls.ca_file,
                             &tls.certificate_file, &tls.key_file}) {
        if (part->find('\0') != std::string::npos) {
            malformed("only the virtual host can hold a NUL byte");
        }
    }
    return endpoint;
}

std::string Endpoint::name() const {
    const bool is_ipv6 = host.find(':') != std::string::npos;
    return is_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace rabbit
