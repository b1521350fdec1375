#pragma once

#include "exit_code.hpp"
#include "rabbit/error.hpp"

#include <exception>
#include <string>

namespace cli {

/// Says on standard error, in one line, what went wrong, and returns the exit code for it: the one place that knows.
ExitCode report_error(const std::string& program, const std::exception& error);

/// The exit code for an error of the library.
ExitCode exit_code_of(const rabbit::Error& error);

}  // namespace cli
