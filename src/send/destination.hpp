#pragma once

#include "options.hpp"
#include "rabbit/connection.hpp"

#include <optional>
#include <string>

namespace sending {

/// The first queue.declare of declare_destination(), if there is one.
std::optional<rabbit::QueueOptions> first_declare(const Options& options);

/// Declares what the messages are published to, as the options say. Returns the queue's name, if it is a queue.
std::string declare_destination(rabbit::Connection& connection, const Options& options);

}  // namespace sending
