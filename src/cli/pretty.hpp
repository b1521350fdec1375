#pragma once

#include "rabbit/message.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace cli {

/// A message for people: when it arrived and from where, its properties and headers one a line, and its body. Nothing
/// in it reaches a terminal as a control sequence; colours are the only ones.
std::string pretty(const rabbit::Delivery& delivery, std::chrono::system_clock::time_point arrived, bool colored);

/// A header that RabbitMQ adds to dead letters, in words, a line for each entry
/// (https://www.rabbitmq.com/docs/dlx#effects). Empty if it does not look as RabbitMQ makes it.
std::vector<std::string> deaths_in_words(const rabbit::Value& x_death);

}  // namespace cli
