#pragma once

#include "rabbit/connection.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace cli {

/// Which broker to connect to and how, as both programs' options say it.
struct ConnectionFlags {
    using Seconds = std::chrono::duration<double>;

    std::vector<std::string> urls{"amqp://guest:guest@localhost:5672/"};
    // Each of these in the place of what the URLs say.
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
    bool verbose = false;
    bool quiet = false;

    void add_to(CLI::App& app);

    /// The nodes to try in turn. Throws rabbit::Error of kind `invalid`, or Failure.
    [[nodiscard]] std::vector<rabbit::Endpoint> endpoints() const;
};

/// Connects as `program`. Waits end when the descriptor `interrupt` becomes readable; connecting takes no longer than
/// `limit`, the whole run's.
rabbit::Connection connect(const std::string& program, const ConnectionFlags& options, int interrupt,
                           std::optional<ConnectionFlags::Seconds> limit = {});

}  // namespace cli
