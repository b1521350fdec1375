#pragma once

#include "cli11_fwd.hpp"
#include "rabbit/endpoint.hpp"
#include "seconds.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cli {

/// Which broker to connect to and how, as both programs' options say it.
struct ConnectionFlags {
    std::vector<std::string> urls;  ///< each may hold several; empty: those of AMQP_URL, or the default
    /// Where they come from. Only for "--url" does the environment count, AMQP_URL and AMQP_PASSWORD.
    std::string url_option = "--url";
    // Each of these overrides what the URLs say.
    std::optional<std::string> host;
    std::optional<std::uint16_t> port;
    std::optional<std::string> vhost;
    std::optional<std::string> user;
    std::string password_file;
    bool tls = false;
    std::string tls_ca;
    std::string tls_certificate;
    std::string tls_key;
    bool tls_insecure = false;
    std::optional<Seconds> connect_timeout;
    std::optional<Seconds> heartbeat;  ///< 0: none

    Seconds retry_for{0};

    bool check = false;  ///< only see whether the broker is there and lets one in

    void add_to(CLI::App& app);

    /// The nodes to try in turn. Throws rabbit::Error of kind `invalid`, or Failure.
    [[nodiscard]] std::vector<rabbit::Endpoint> endpoints() const;

private:
    void check_host() const;
    [[nodiscard]] std::vector<std::string> given_urls() const;
};

}  // namespace cli
