#pragma once

#include "acks.hpp"
#include "binding_flags.hpp"
#include "cli11_fwd.hpp"
#include "command_flags.hpp"
#include "connection_flags.hpp"
#include "format_flags.hpp"
#include "move_flags.hpp"
#include "queue_flags.hpp"
#include "rabbit/message.hpp"
#include "verbosity.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace receiving {

/// The command line of `receive`.
struct Options {
    std::optional<std::uint64_t> count;
    std::optional<cli::Seconds> timeout;
    std::optional<cli::Seconds> idle;
    bool drain = false;
    std::optional<std::uint64_t> peek;  ///< messages to show and to leave where they are

    cli::FormatFlags format;

    std::optional<AckMode> ack;
    std::optional<std::uint16_t> prefetch;

    std::vector<std::string> where;  ///< only messages that match are handled
    bool takes_unmatched = false;    ///< the others are acked, rather than left

    MoveFlags move;
    CommandFlags command;

    cli::ConnectionFlags connect;
    cli::Verbosity verbosity;
    cli::QueueFlags queue;
    bool queue_given = false;
    BindingFlags bindings;
    bool purge = false;
    bool exclusive = false;
    std::vector<std::string> consumer_arguments;
    std::string consumer_tag;
    std::string offset;

    /// The operands alone; add_to() adds them, too.
    void add_operands_to(CLI::App& app);
    void add_to(CLI::App& app);

    /// Checks what single options cannot. Throws cli::Failure of code `usage`.
    void check() const;

    [[nodiscard]] AckMode ack_mode() const noexcept;
    [[nodiscard]] std::uint16_t prefetch_count() const noexcept;
    /// An option says that the queue is a stream.
    [[nodiscard]] bool is_stream() const noexcept { return !offset.empty() || queue.type == "stream"; }
    /// Runs until somebody ends it.
    [[nodiscard]] bool is_watch() const noexcept { return !count && !timeout && !idle && !drain && !peek; }
    /// The queue is one of the broker's naming, for these bindings and this connection alone.
    [[nodiscard]] bool has_own_queue() const noexcept { return bindings.given() && !queue_given; }

    /// Messages that do not match are held until the end, and then go back.
    [[nodiscard]] bool keeps_unmatched() const noexcept { return !where.empty() && !takes_unmatched && !is_stream(); }
    /// There is a second connection, to publish on.
    [[nodiscard]] bool publishes() const noexcept { return move.given() || command.reply || command.attempts; }

    [[nodiscard]] cli::Formatter formatter() const {
        return format.formatter(peek ? cli::Format::pretty : cli::Format::hello);
    }
    [[nodiscard]] rabbit::Table parsed_consumer_arguments() const;
};

}  // namespace receiving
