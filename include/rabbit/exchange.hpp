#pragma once

#include "rabbit/table.hpp"

#include <string>

namespace rabbit {

/// The arguments of exchange.declare (AMQP 0-9-1, section 1.6.2.1 of the generated reference).
struct ExchangeOptions {
    std::string name;
    /// "direct", "fanout", "topic", "headers", or one that a plugin of the broker's adds.
    std::string type = {};
    bool passive = false;  ///< only see whether it is there
    bool durable = true;
    Table arguments = {};
};

}  // namespace rabbit
