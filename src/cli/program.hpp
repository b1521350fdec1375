#pragma once

#include "exit_code.hpp"

#include <CLI/CLI.hpp>

#include <exception>
#include <functional>
#include <string>

namespace cli {

/// Gives `app` --version, and its --help the examples and the exit codes.
void add_help(CLI::App& app, const std::string& examples);

/// Says on standard error what went wrong and returns the exit code for it: the one place that knows.
ExitCode report_error(const std::string& program, const std::exception& error);

/// Parses the command line, calls `body` and reports what either throws.
int run(CLI::App& app, int argc, char** argv, const std::function<ExitCode()>& body);

}  // namespace cli
