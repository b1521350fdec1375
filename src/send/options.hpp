#pragma once

#include "cli11_fwd.hpp"
#include "connection_flags.hpp"
#include "exchange_flags.hpp"
#include "format_flags.hpp"
#include "property_options.hpp"
#include "queue_flags.hpp"
#include "verbosity.hpp"

#include <chrono>
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
    cli::ExchangeFlags exchange_flags;
    PropertyOptions properties;

    bool no_confirm = false;
    std::size_t window = 10'000;
    cli::Seconds confirm_timeout{60};  ///< 0: none
    std::uint64_t repeat = 1;
    double rate = 0;  ///< messages per second; 0: as fast as the broker takes them

    bool request = false;
    cli::FormatFlags format;              ///< of answers
    std::optional<cli::Seconds> timeout;  ///< for all answers

    /// The operands alone; add_to() adds them, too.
    void add_operands_to(CLI::App& app);
    void add_to(CLI::App& app);

    /// Checks what no option can check by itself. Throws cli::Failure of code `usage`.
    void check();

    /// Messages are the records of an input, not whole files or arguments.
    [[nodiscard]] bool has_records() const noexcept { return lines || null || json; }
    [[nodiscard]] bool reads_standard_input() const;
    /// Nothing says what to send.
    [[nodiscard]] bool sends_hello() const noexcept { return messages.empty() && files.empty() && !has_records(); }
    /// The messages go to the queue by way of the default exchange.
    [[nodiscard]] bool to_queue() const noexcept { return !exchange && !routing_key; }
    [[nodiscard]] std::optional<std::chrono::milliseconds> confirm_limit() const;
};

}  // namespace sending
