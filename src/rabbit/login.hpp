#pragma once

#include "channel.hpp"
#include "rabbit/endpoint.hpp"

namespace rabbit {

/// The opening of a connection (AMQP 0-9-1, section 2.2.4): protocol header, start, tune, open; and, without waiting
/// for their answers, that of the channel and the queue.declare that the options ask for. No signal would end the wait
/// of rabbitmq-c's own amqp_login().
/// Returns the broker's product and version. Throws ErrorKind::unreachable, `refused` or `interrupted`, and `invalid` for a
/// queue.declare that AMQP cannot carry.
std::string log_in(Channel& channel, Wire& wire, const Endpoint& endpoint, const ConnectionOptions& options,
                   TimeLimit limit);

}  // namespace rabbit
