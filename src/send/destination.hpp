#pragma once

#include "options.hpp"
#include "rabbit/connection.hpp"

#include <string>

namespace sending {

/// Declares what the messages are published to, as the options say. Returns the queue's name, if it is a queue.
std::string declare_destination(rabbit::Connection& connection, const Options& options);

}  // namespace sending
