#pragma once

#include "acks.hpp"
#include "interruption.hpp"
#include "options.hpp"
#include "rabbit/connection.hpp"
#include "subscription.hpp"

#include <cstdint>
#include <string>

namespace receiving {

class Target;

/// What one run of `receive` consists of, for those who do its work.
struct Run {
    /// Starts the consumer. Everything referred to must outlive the run.
    Run(const std::string& program_name, const Options& run_options, rabbit::Connection& source, Interruption& signals,
        Target* second, rabbit::Clock::time_point begun)
        : program(program_name),
          options(run_options),
          ends_at(cli::after(begun, run_options.timeout)),
          connection(source),
          interruption(signals),
          target(second),
          subscription(source, run_options),
          acks({.mode = run_options.ack_mode(),
                .prefetch = subscription.prefetch(),
                .count = run_options.count,
                .holds_back = run_options.where.empty(),
                .from_stream = run_options.is_stream(),
                .any_order = run_options.command.given()}) {}

    /// Sends a message back to its queue, as a failed delivery.
    void send_back(std::uint64_t delivery_tag) {
        acks.send_back(delivery_tag);
        subscription.send_back(delivery_tag);
    }

    const std::string& program;
    const Options& options;
    rabbit::Deadline ends_at;
    rabbit::Connection& connection;
    Interruption& interruption;
    Target* target;  ///< the connection to publish on; null: nothing is published
    Subscription subscription;
    Acks acks;
};

}  // namespace receiving
