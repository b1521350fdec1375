#pragma once

#include "cli11_fwd.hpp"
#include "program.hpp"

#include <string>

namespace cli {

/// Gives `app` --help and --version.
void add_help(CLI::App& app);

/// The text of --help: how to call the program, its options, examples and the exit codes, in lines of at most 80
/// columns. CLI11's own is different in each version, and cannot be kept to a width in most.
std::string help(const CLI::App& app, const Program& program);

}  // namespace cli
