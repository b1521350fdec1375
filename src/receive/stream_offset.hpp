#pragma once

#include "rabbit/table.hpp"

#include <string>

namespace receiving {

/// The value of x-stream-offset that --offset asks for (https://www.rabbitmq.com/docs/streams#consuming). Throws
/// cli::UsageError.
rabbit::Value parse_offset(const std::string& text);

}  // namespace receiving
