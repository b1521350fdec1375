#pragma once

#include "connection_flags.hpp"
#include "rabbit/connection.hpp"
#include "verbosity.hpp"

#include <optional>
#include <string>

namespace cli {

/// Connects as `program`, and says on standard error what comes of it, then and whenever the connection is opened
/// again. Waits end when the descriptor `interrupt` becomes readable; connecting takes no longer than `limit`, the
/// whole run's. `declare` is as in rabbit::ConnectionOptions.
rabbit::Connection connect(const std::string& program, const ConnectionFlags& flags, const Verbosity& verbosity,
                           int interrupt, std::optional<Seconds> limit = {},
                           std::optional<rabbit::QueueOptions> declare = {});

}  // namespace cli
