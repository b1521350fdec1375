#include "destination.hpp"

namespace sending {

std::optional<rabbit::QueueOptions> first_declare(const Options& options) {
    return options.to_queue() ? options.queue.first_declare() : std::nullopt;
}

std::string declare_destination(rabbit::Connection& connection, const Options& options) {
    if (options.to_queue()) {
        return cli::declare(connection, options.queue).name;
    }
    options.exchange_flags.declare(connection, options.exchange.value_or(""));
    return {};
}

}  // namespace sending
