#include "destination.hpp"

namespace sending {

std::string declare_destination(rabbit::Connection& connection, const Options& options) {
    if (options.to_queue()) {
        return cli::declare(connection, options.queue).name;
    }
    options.exchange_flags.declare(connection, options.exchange.value_or(""));
    return {};
}

}  // namespace sending
