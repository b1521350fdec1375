#pragma once

#include "connection_flags.hpp"
#include "exit_code.hpp"
#include "verbosity.hpp"

#include <string>

namespace cli {

/// Connects, logs in, opens a channel and ends: whether the broker is there. Says what it is in one line on standard
/// output. Throws what connect() does.
ExitCode check(const std::string& program, const ConnectionFlags& flags, const Verbosity& verbosity);

}  // namespace cli
