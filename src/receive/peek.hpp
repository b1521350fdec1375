#pragma once

#include "exit_code.hpp"
#include "options.hpp"
#include "rabbit/connection.hpp"

#include <string>

namespace receiving {

/// Prints messages from the front of the queue and leaves it as it was: it fetches them, acks none, and gives all back.
/// Messages are marked as redelivered by that. Says beforehand if the broker counts it as a failed delivery of each.
///
/// A queue that does not exist is an Error; it is not declared. Returns `nothing_came` for an empty one.
cli::ExitCode peek(const std::string& program, const Options& options, rabbit::Connection& connection);

}  // namespace receiving
