#pragma once

#include "failure.hpp"
#include "rabbit/connection.hpp"
#include "rabbit/consumer.hpp"

#include <cstdint>
#include <string>

namespace receiving {

/// "classic", "quorum" or "stream"; empty if the broker does not tell. Asks by a consumer that every type of queue
/// refuses, which makes the broker close the channel; it is open again afterwards. What a broker delivers that accepts
/// the consumer is given back.
std::string type_of_queue(rabbit::Connection& connection, const std::string& queue);

/// The number of messages in the queue that are ready to be delivered.
std::uint32_t ready_messages(rabbit::Connection& connection, const std::string& queue);

enum class Drained {
    no,
    yes,       ///< nothing is ready in the consumer's queue and nothing is on its way to it
    doubtful,  ///< so says a queue that knows of no consumer, as a quorum queue does whose leader is busy or missing
};

/// Of the queue of a consumer that is not cancelled.
Drained is_drained(rabbit::Consumer& consumer);

/// --offset was given for a queue of this type.
cli::UsageError no_stream(const std::string& queue, const std::string& type);

}  // namespace receiving
