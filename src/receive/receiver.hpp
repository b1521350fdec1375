#pragma once

#include "exit_code.hpp"
#include "options.hpp"
#include "rabbit/connection.hpp"

#include <string>

namespace receiving {

/// One run over an open connection: consumes until something ends it. `interrupt` is a descriptor that becomes readable
/// on a signal; --timeout counts from `begun`. Throws what keeps it from going on.
cli::ExitCode receive_messages(const std::string& program, const Options& options, rabbit::Connection& connection,
                               int interrupt, rabbit::Clock::time_point begun);

}  // namespace receiving
