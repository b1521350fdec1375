#pragma once

#include "rabbit/message.hpp"

#include <optional>

namespace receiving {

/// Where a dead letter was published to before it died last: the exchange and the first routing key of the first entry
/// of its header x-death (https://www.rabbitmq.com/docs/dlx#effects). Empty: the header is not there, or not as
/// RabbitMQ makes it.
std::optional<rabbit::Address> origin_of(const rabbit::Message& message);

}  // namespace receiving
