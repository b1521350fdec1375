#pragma once

#include "rabbit/table.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace cli {

/// Reads KEY=VALUE (a string) or KEY:TYPE=VALUE, TYPE being string, int, float, bool, timestamp or json.
/// Throws UsageError that quotes `option`.
rabbit::Field parse_header(const std::string& option, const std::string& text);

/// As parse_header, but without a TYPE a whole number is an int, true and false are a bool: what the broker expects
/// of x-max-length and the like.
rabbit::Field parse_argument(const std::string& option, const std::string& text);

/// "now" or seconds since 1970; empty if it is neither.
std::optional<rabbit::Timestamp> parse_timestamp(const std::string& text);

}  // namespace cli
