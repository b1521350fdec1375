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

[[noreturn]] void refuse(std::string_view cause) {
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

std::uint16_t parse_port(std::string_view digits) {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size() || port == 0 || port > 65535) {
        refuse("the port is not a number from 1 to 65535");  // it may be half a password
    }
    return static_cast<std::uint16_t>(port);
}

/// The parser's own texts would quote the URL and with it the password.
std::unique_ptr<UriUriA, FreeUri> parse_uri(std::string_view uri) {
    auto parsed = std::make_unique<UriUriA>();
    const char* error_at = nullptr;
    if (uriParseSingleUriExA(parsed.get(), uri.data(), uri.data() + uri.size(), &error_at) != URI_SUCCESS) {
        refuse(fmt::format("character {} is not allowed there; write special characters as %XX",
                           error_at ? error_at - uri.data() + 1 : 1));
    }
    return std::unique_ptr<UriUriA, FreeUri>(parsed.release());
}

unsigned parse_number(std::string_view name, std::string_view digits, unsigned least, unsigned most) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size() || number < least || number > most) {
        refuse(fmt::format("{} '{}' is not a number from {} to {}", name, digits, least, most));
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
            refuse(fmt::format("verify '{}' is neither verify_peer nor verify_none", value));
        }
        tls.verify = value == "verify_peer";
    } else if (name == "server_name_indication") {
        tls.sends_server_name = value != "disable";
        tls.server_name = tls.sends_server_name ? value : "";
    } else if (name == "auth_mechanism") {
        // As RabbitMQ's page writes them, or as SASL does.
        const bool external = value == "external" || value == "EXTERNAL";
        if (!external && value != "plain" && value != "PLAIN") {
            refuse(fmt::format("auth_mechanism '{}' is neither plain nor external", value));
        }
        endpoint.auth_mechanism = external ? AuthMechanism::external : AuthMechanism::plain;
    } else {
        refuse(fmt::format("there is no query parameter '{}'; known are heartbeat, connection_timeout, cacertfile, "
                           "certfile, keyfile, verify, server_name_indication, auth_mechanism", name));
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
    const auto parsed = parse_uri(uri);
    Endpoint endpoint;
    // Else the rest of a password would be shown as part of something else.
    const auto behind = uri.substr(std::min(uri.size(), uri.find_first_of("/?#", uri.find("//") + 2)));
    if (behind.find('@', parsed->userInfo.first ? behind.find_first_of("?#") : 0) != behind.npos) {
        refuse("an '@' stands behind the host; in a user or password write '/' as %2F, '?' as %3F, '#' as %23, and in "
               "what comes behind the host '@' as %40");
    }

    const auto scheme = text(parsed->scheme);
    if (scheme != "amqp" && scheme != "amqps") {
        refuse("it must begin with amqp:// or amqps://");
    }
    if (uri.substr(scheme.size(), 3) != "://") {
        refuse(fmt::format("after '{}' comes '://'", scheme));
    }
    endpoint.tls = scheme == "amqps";
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
            refuse("the virtual host holds a '/'; write it as %2f");
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
        refuse("it has a fragment; write '#' as %23");
    }
    auto& tls = endpoint.tls_options;
    for (const auto* part : {&endpoint.user, &endpoint.password, &endpoint.host, &tls.server_name, &tls.ca_file,
                             &tls.certificate_file, &tls.key_file}) {
        if (part->find('\0') != std::string::npos) {
            refuse("only the virtual host can hold a NUL byte");
        }
    }
    return endpoint;
}

std::string Endpoint::name() const {
    const bool is_ipv6 = host.find(':') != std::string::npos;
    return is_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace rabbit
