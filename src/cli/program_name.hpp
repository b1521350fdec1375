#pragma once

#include <string>

namespace cli {

/// What a program calls itself: the last part of the path that it was called by (`argv[0]`, which may be null), or its
/// `own` name if that part is empty or holds more than letters, digits and . _ + -
std::string called_name(const char* path, const std::string& own);

/// What an installation has put before the program's `own` name to get `name`; empty if `name` ends otherwise.
std::string prefix_of(const std::string& name, const std::string& own);

/// A text with the prefix before `send` and `receive` where these are commands: at the beginning of a line or before an
/// option.
std::string with_prefix(const std::string& text, const std::string& prefix);

}  // namespace cli
