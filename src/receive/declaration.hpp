#pragma once

#include "options.hpp"
#include "rabbit/connection.hpp"

#include <cstdint>
#include <string>

namespace receiving {

/// Declares the queue and the exchanges, and binds it to them, as the options say. Returns the queue's name.
std::string declare_and_bind(rabbit::Connection& connection, const Options& options);

/// Removes the messages that are ready for delivery. Returns how many there were. Throws cli::UsageError if the queue is
/// a stream.
std::uint32_t purge(rabbit::Connection& connection, const std::string& queue);

}  // namespace receiving
