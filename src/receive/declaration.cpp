#include "declaration.hpp"

#include "failure.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

namespace receiving {
namespace {

/// --offset says that the queue is a stream, but not with which arguments: one that exists is used as it is.
bool declares_stream(const Options& options) {
    return !options.offset.empty() && !options.queue.no_declare && !options.queue.declares_exactly();
}

std::string declare_queue(rabbit::Connection& connection, const Options& options) {
    if (options.has_own_queue()) {
        return connection.declare(*first_declare(options)).name;
    }
    return declares_stream(options) ? cli::declare_or_adopt(connection, *first_declare(options)).name
                                    : cli::declare(connection, options.queue).name;
}

}  // namespace

std::optional<rabbit::QueueOptions> first_declare(const Options& options) {
    if (options.has_own_queue()) {
        auto own = options.queue.to_declare();
        own.name.clear();
        own.exclusive = true;
        return own;
    }
    if (declares_stream(options)) {
        return rabbit::QueueOptions{
            .name = options.queue.name, .durable = true, .arguments = {{"x-queue-type", {"stream"}}}};
    }
    return options.queue.first_declare();
}

std::string declare_and_bind(rabbit::Connection& connection, const Options& options) {
    auto queue = declare_queue(connection, options);
    options.bindings.apply(connection, queue);
    return queue;
}

std::uint32_t purge(rabbit::Connection& connection, const std::string& queue) {
    try {
        return connection.purge(queue);
    } catch (const rabbit::Error& error) {
        if (error.reply_code() == rabbit::reply_code::not_implemented) {
            throw cli::UsageError(fmt::format("--purge: queue '{}' is a stream, which cannot be emptied", queue));
        }
        throw;
    }
}

}  // namespace receiving
