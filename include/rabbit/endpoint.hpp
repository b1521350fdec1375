#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rabbit {

/// How TLS is spoken; what a URL's query says of it (https://www.rabbitmq.com/docs/uri-query-parameters).
struct TlsOptions {
    std::string ca_file;            ///< PEM, cacertfile; empty: the system's authorities
    std::string certificate_file;   ///< PEM, certfile: the client's own chain; empty: none
    std::string key_file;           ///< PEM, keyfile; empty: in certificate_file
    std::string server_name;        ///< server_name_indication: sent and looked for in the certificate; empty: the host
    bool sends_server_name = true;  ///< false for server_name_indication=disable
    bool verify = true;             ///< false for verify=verify_none: neither authority nor name

    bool operator==(const TlsOptions&) const = default;
};

/// SASL's name for how a client proves who it is.
enum class AuthMechanism {
    plain,     ///< user and password
    external,  ///< the client's TLS certificate
};

/// One broker, and who connects to which of its virtual hosts.
struct Endpoint {
    std::string host = "localhost";  ///< a name or an address; IPv6 without brackets
    std::uint16_t port = 5672;
    std::string user = "guest";
    std::string password = "guest";
    std::string vhost = "/";
    bool tls = false;
    TlsOptions tls_options = {};
    AuthMechanism auth_mechanism = AuthMechanism::plain;
    std::optional<std::chrono::seconds> heartbeat = {};             ///< overrides that of ConnectionOptions
    std::optional<std::chrono::milliseconds> connect_timeout = {};  ///< connection_timeout; overrides likewise

    /// Reads an AMQP URI (https://www.rabbitmq.com/docs/uri-spec) with its query parameters. What it leaves out keeps
    /// the defaults above; the port of amqps is 5671. One deliberate departure: "amqp://host/" means the virtual host
    /// "/", as "amqp://host" does, and not the one with the empty name. Throws ErrorKind::invalid; the text never holds the password.
    static Endpoint parse(std::string_view uri);

    /// "host:port", IPv6 in brackets; nothing secret.
    [[nodiscard]] std::string name() const;

    bool operator==(const Endpoint&) const = default;
};

}  // namespace rabbit
