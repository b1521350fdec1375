#pragma once

#include "cli11_fwd.hpp"

#include <functional>
#include <string>
#include <vector>

namespace cli {

/// Reads a command line word by word as getopt_long(3) would, and returns it in the form that CLI11 cannot take for
/// anything else: each option apart from its value, then "--" and the operands. `on_operand`, if any, is called with
/// each operand that comes before a "--".
///
/// Throws UsageError where a word is an option that there is not, or is most likely a slip: "-queue", "-q=jobs", an
/// option in the place of another's value, an option twice. The text never shows a value.
std::vector<std::string> read_arguments(CLI::App& app, const std::vector<std::string>& words,
                                        const std::function<void(const std::string&)>& on_operand);

/// What to say of an option that there is not: with the ones that may have been meant, if any. `name` has its dashes,
/// and nothing that was given with it.
std::string no_such_option(const CLI::App& app, const std::string& name);

}  // namespace cli
