#pragma once

#include "exit_code.hpp"
#include "interruption.hpp"
#include "options.hpp"
#include "rabbit/connection.hpp"

#include <string>

namespace receiving {

class Target;

/// One run over an open connection: consumes until something ends it. `target` is the connection to publish on; null:
/// nothing is published. --timeout counts from `begun`. Throws what keeps it from going on.
cli::ExitCode receive_messages(const std::string& program, const Options& options, rabbit::Connection& connection,
                               Target* target, Interruption& interruption, rabbit::Clock::time_point begun);

}  // namespace receiving
