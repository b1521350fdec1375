#pragma once

#include "cli/exit_code.hpp"
#include "cli/send_options.hpp"

#include <string>

namespace cli {

/// Sends what the options say and reports on it under the name `program`. Throws what keeps it from beginning; what
/// ends it early is reported, together with the point from which to go on.
ExitCode send(const std::string& program, SendOptions& options);

}  // namespace cli
