#pragma once

#include "rabbit/deadline.hpp"
#include "rabbit/queue.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace rabbit {

class Error;

struct ConnectionOptions {
    std::string product = {};  ///< product, version and name: how the broker's own listings show this connection
    std::string version = {};
    std::string name = {};
    /// For one attempt at one endpoint, from the resolution of its name to the end of the AMQP login.
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds reply_timeout{30'000};  ///< for the answer to a method such as queue.declare
    std::chrono::seconds heartbeat{20};               ///< the broker may ask for less; 0: none
    std::chrono::milliseconds retry_for{0};           ///< how long to go on trying to connect; 0: every endpoint once
    std::chrono::milliseconds longest_pause{4000};    ///< on average, between two attempts
    Deadline deadline = {};                           ///< as by Connection::set_deadline()
    /// Is asked for in one go with the opening of the connection and its channel, which saves a round trip, until
    /// Connection::declare() is called for the first time. With the same options that only waits for the answer, and
    /// throws what it comes to. A function that is called before it passes queue.declare-ok over; a refusal is that
    /// function's error. Where the broker closes the connection before the channel is open, it is opened once more
    /// without this.
    std::optional<QueueOptions> declare = {};
    /// Called once connected, for each endpoint that did not answer before.
    std::function<void(const Error&)> on_passed_over = {};
    /// Called before each pause between two rounds of attempts.
    std::function<void(const Error&, std::chrono::milliseconds pause)> on_retry = {};
    /// A descriptor that becomes readable when waits are to end (a signal's pipe); -1: none. It is reported once, by
    /// an Error of kind `interrupted` from the function that waits; after that the connection goes on working without
    /// it, so that the caller can finish in order.
    int interrupt = -1;
    /// Called with the broker's reason when it stops taking messages (a memory or disk alarm,
    /// https://www.rabbitmq.com/docs/connection-blocked), and with nothing when it takes them again.
    std::function<void(std::optional<std::string_view>)> on_blocked = {};
};

}  // namespace rabbit
