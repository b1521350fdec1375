#pragma once

#include "cli11_fwd.hpp"
#include "connection_flags.hpp"
#include "rabbit/message.hpp"

#include <optional>
#include <string>

namespace receiving {

/// Where messages are moved to.
struct MoveFlags {
    std::optional<std::string> queue;
    std::optional<std::string> exchange;
    std::optional<std::string> key;  ///< for the exchange, in place of each message's own
    bool origin = false;             ///< where each dead letter came from
    std::string url;                 ///< of another broker

    void add_to(CLI::App& app);
    /// Throws cli::UsageError, or rabbit::Error of kind `invalid`.
    void check(const std::string& source_queue, const cli::ConnectionFlags& source) const;

    [[nodiscard]] bool given() const noexcept { return queue || exchange || origin; }
    /// How to connect to the target: as to the source, unless there is a URL.
    [[nodiscard]] cli::ConnectionFlags connection(const cli::ConnectionFlags& source) const;

    /// Where to publish a message. Empty: it has come from nowhere that it tells.
    [[nodiscard]] std::optional<rabbit::Address> destination(const rabbit::Delivery& delivery) const;
    /// In words, for those who read what was done: "to queue 'x'".
    [[nodiscard]] std::string in_words() const;
};

}  // namespace receiving
