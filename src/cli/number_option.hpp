#pragma once

#include <CLI/CLI.hpp>

namespace cli {

/// Takes a number from `least` to `most`; not a number, which CLI::Range lets through, is neither.
CLI::Validator number_between(double least, double most);

}  // namespace cli
