#pragma once

#include <string>
#include <vector>

namespace receiving {

/// Throws cli::Failure of code `usage`, saying why, if `command` cannot be run. It is searched for on PATH unless its
/// name has a slash.
void check_runnable(const std::vector<std::string>& command);

}  // namespace receiving
