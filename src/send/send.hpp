#pragma once

#include "exit_code.hpp"
#include "options.hpp"

#include <string>

namespace sending {

/// Sends what the options say and reports on it under the name `program`. Throws what keeps it from beginning.
cli::ExitCode send(const std::string& program, Options& options);

}  // namespace sending
