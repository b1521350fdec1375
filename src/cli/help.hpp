#pragma once

#include "cli11_fwd.hpp"
#include "program.hpp"

#include <string>
#include <vector>

namespace cli {

/// Gives `app` --help and --version.
void add_help(CLI::App& app);

struct OptionGroup {
    std::string name;
    std::vector<const CLI::Option*> options;
};

/// The options, as --help lists them.
std::vector<OptionGroup> option_groups(const CLI::App& app);
/// What may stand on the command line beside options.
std::vector<const CLI::Option*> operands(const CLI::App& app);

/// The text of --help: how to call the program, its options, examples and the exit codes, in lines of at most 80
/// columns. CLI11's own is different in each version, and cannot be kept to a width in most.
std::string help(const CLI::App& app, const Program& program);

}  // namespace cli
