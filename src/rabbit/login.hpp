#pragma once

#include "net/wire.hpp"

namespace rabbit {

/// The opening of a connection (AMQP 0-9-1, section 2.2.4): protocol header, start, tune, open. rabbitmq-c's
/// amqp_login does the same, but no signal ends its wait, and it believes a tune that leaves no room for a frame.
/// Returns the broker's product and version. Throws ErrorKind::unreachable, `refused` or `interrupted`.
std::string log_in(Wire& wire, const Endpoint& endpoint, const ConnectionOptions& options);

}  // namespace rabbit
