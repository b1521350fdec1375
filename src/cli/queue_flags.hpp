#pragma once

#include "cli11_fwd.hpp"
#include "rabbit/connection.hpp"

#include <optional>
#include <string>
#include <vector>

namespace cli {

/// The queue and how to declare it, as both programs' options say it.
struct QueueFlags {
    std::string name = "hello";
    bool durable = false;
    std::string type;  ///< empty: the broker's default
    std::vector<std::string> arguments;
    bool auto_delete = false;
    bool exclusive = false;  ///< the queue is for this connection alone, and ends with it
    bool no_declare = false;

    void add_to(CLI::App& app);

    /// The queue.declare that the declaring options ask for. Throws UsageError for a malformed argument.
    [[nodiscard]] rabbit::QueueOptions to_declare() const;

    /// What declare() asks the broker first; empty: nothing. Throws UsageError for a malformed argument.
    [[nodiscard]] std::optional<rabbit::QueueOptions> first_declare() const;

    /// An option says how the queue is to be declared, and no other way will do.
    [[nodiscard]] bool declares_exactly() const noexcept {
        return durable || auto_delete || exclusive || !type.empty() || !arguments.empty();
    }
};

/// Declares the queue; one that exists with other properties is used as it is.
rabbit::Queue declare_or_adopt(rabbit::Connection& connection, const rabbit::QueueOptions& options);

/// Declares the queue. With --no-declare, or a name that begins with "amq.", it is taken to exist; if it is a client's
/// direct reply-to, the broker is asked whether that client is still there.
///
/// Without a declaring option it is declared as the tutorials do: not durable, not exclusive, not auto-deleted; one
/// that exists with other properties is used as it is, and a broker that refuses such queues gets a durable one.
rabbit::Queue declare(rabbit::Connection& connection, const QueueFlags& flags);

}  // namespace cli
