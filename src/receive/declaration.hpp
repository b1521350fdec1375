#pragma once

#include "options.hpp"
#include "rabbit/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace receiving {

/// The first queue.declare of declare_and_bind(), if there is one.
std::optional<rabbit::QueueOptions> first_declare(const Options& options);

/// Declares the queue and the exchanges, and binds it to them, as the options say. Returns the queue's name.
std::string declare_and_bind(rabbit::Connection& connection, const Options& options);

/// Removes the messages that are ready for delivery. Returns how many there were. Throws cli::UsageError if the queue is
/// a stream.
std::uint32_t purge(rabbit::Connection& connection, const std::string& queue);

}  // namespace receiving
