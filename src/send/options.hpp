#pragma once

#include "connection_flags.hpp"
#include "property_options.hpp"
#include "queue_flags.hpp"
#include "verbosity.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sending {

/// The command line of `send`.
struct Options {
    std::vector<std::string> messages;
    std::vector<std::string> files;
    bool lines = false;
    bool null = false;
    bool json = false;

    cli::ConnectionFlags connect;
    cli::Verbosity verbosity;
    cli::QueueFlags queue;
    bool queue_given = false;
    std::optional<std::string> exchange;
    std::optional<std::string> routing_key;
    PropertyOptions properties;

    bool no_confirm = false;
    std::size_t window = 10'000;
    cli::Seconds confirm_timeout{60};  ///< 0: for ever
    std::uint64_t repeat = 1;
    double rate = 0;  ///< messages a second; 0: as fast as the broker takes them

    void add_to(CLI::App& app);

    /// Checks what single options cannot. Throws cli::Failure of code `usage`.
    void check();

    /// Messages are the records of some input rather than the files or arguments themselves.
    [[nodiscard]] bool has_records() const noexcept { return lines || null || json; }
    [[nodiscard]] bool reads_standard_input() const;
    /// The messages go to the queue by way of the default exchange.
    [[nodiscard]] bool to_queue() const noexcept { return !exchange && !routing_key; }
};

}  // namespace sending
