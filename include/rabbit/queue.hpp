#pragma once

#include "rabbit/table.hpp"

#include <cstdint>
#include <string>

namespace rabbit {

/// The arguments of queue.declare (AMQP 0-9-1, section 1.7.2.1 of the generated reference).
struct QueueOptions {
    std::string name;      ///< empty: the broker makes one up
    bool passive = false;  ///< only ask whether it exists
    bool durable = false;
    bool exclusive = false;
    bool auto_delete = false;
    Table arguments = {};
};

/// A queue as the broker described it when it was declared.
struct Queue {
    std::string name;
    std::uint32_t message_count = 0;  ///< messages ready for delivery at that moment
    std::uint32_t consumer_count = 0;
};

}  // namespace rabbit
