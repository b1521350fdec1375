#pragma once

#include "rabbit/deadline.hpp"
#include "rabbit/endpoint.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace rabbit {

/// A connected, non-blocking socket to the first of the endpoint's addresses that answers, each being given
/// `timeout`; the caller closes it. Throws ErrorKind::unreachable, with the last address's reason, or
/// `interrupted` as soon as the descriptor `interrupt` (-1: none) is readable.
int connect_tcp(const Endpoint& endpoint, std::chrono::milliseconds timeout, int interrupt);

/// The endpoint's addresses as numbers, in the order to try them. Throws ErrorKind::unreachable.
std::vector<std::string> resolve_numeric(const Endpoint& endpoint);

/// What poll(2) takes for the time until a deadline: rounded up, -1 for ever.
int poll_timeout(Deadline deadline);

}  // namespace rabbit
