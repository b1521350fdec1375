#pragma once

#include "rabbit/connection.hpp"

#include <string>

namespace receiving {

/// "classic", "quorum" or "stream"; empty if the broker does not tell. Asks by a consumer that every type of queue
/// refuses, which makes the broker close the channel; it is open again afterwards. What a broker delivers that accepts
/// the consumer is given back.
std::string type_of_queue(rabbit::Connection& connection, const std::string& queue);

}  // namespace receiving
