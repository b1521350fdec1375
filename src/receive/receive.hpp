#pragma once

#include "exit_code.hpp"
#include "options.hpp"

#include <string>

namespace receiving {

/// Receives as the options say, speaking on standard error as `program`. Throws what keeps it from going on.
cli::ExitCode receive(const std::string& program, const Options& options);

}  // namespace receiving
