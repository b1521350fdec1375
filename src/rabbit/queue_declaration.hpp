#pragma once

#include "rabbit/queue.hpp"

namespace rabbit {

class Channel;

/// Encodes queue.declare; it leaves with the next flush. Throws kind `invalid` for a name or arguments that AMQP cannot
/// carry.
void append_declare(Channel& channel, const QueueOptions& options);

/// Waits for the answer to it. Throws kinds `closed`, `refused`, `lost` or `interrupted`.
Queue await_declared(Channel& channel, const QueueOptions& options);

}  // namespace rabbit
