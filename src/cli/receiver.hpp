#pragma once

#include "cli/exit_code.hpp"
#include "cli/receive_options.hpp"

#include <string>

namespace cli {

/// Receives as the options say, speaking on standard error as `program`. Throws what keeps it from going on.
ExitCode receive(const std::string& program, const ReceiveOptions& options);

}  // namespace cli
