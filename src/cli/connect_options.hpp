#pragma once

#include "rabbit/connection.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace cli {

/// Which broker to connect to, as both programs' options say it.
struct ConnectOptions {
    std::string url = "amqp://guest:guest@localhost:5672/%2f";

    std::chrono::milliseconds connect_timeout{10'000};

    void add_to(CLI::App& app);

    /// Takes no longer to connect than the whole run may last.
    void limit(std::optional<std::chrono::duration<double>> run);

    /// Throws rabbit::Error of kind `invalid`.
    [[nodiscard]] rabbit::Endpoint endpoint() const;
};

/// Connects as `program`; waits end when the descriptor `interrupt` becomes readable.
rabbit::Connection connect(const std::string& program, const ConnectOptions& options, int interrupt);

}  // namespace cli
