#include "queue_flags.hpp"

#include "field_option.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

namespace cli {
namespace {

constexpr auto group = "Queue";

/// Names that only the broker may declare (AMQP 0-9-1, section 1.7.2.1 of the generated reference).
constexpr auto reserved = "amq.";
/// Of the address of a client that waits for an answer. RabbitMQ lets a passive declaration ask whether it still does
/// (https://www.rabbitmq.com/docs/direct-reply-to).
constexpr auto direct_reply = "amq.rabbitmq.reply-to.";

// AMQP 0-9-1, section 1.1 of the generated reference.
constexpr int internal_error = 541;

/// RabbitMQ closes the connection over a queue that is neither durable nor exclusive once its deprecated feature
/// is switched off (https://www.rabbitmq.com/docs/deprecated-features).
bool refuses_transient_queues(const rabbit::Error& error) {
    return error.reply_code() == internal_error && error.cause().find("transient_nonexcl_queues") != std::string::npos;
}

rabbit::Queue declare_or_adopt(rabbit::Connection& connection, const rabbit::QueueOptions& options) {
    try {
        return connection.declare(options);
    } catch (const rabbit::Error& error) {
        if (error.reply_code() != precondition_failed) {
            throw;
        }
    }
    connection.reopen_channel();
    return connection.declare({.name = options.name, .passive = true, .arguments = {}});
}

rabbit::Queue declare_as_found(rabbit::Connection& connection, const rabbit::QueueOptions& options) {
    try {
        return declare_or_adopt(connection, options);
    } catch (const rabbit::Error& error) {
        if (!refuses_transient_queues(error)) {
            throw;
        }
    }
    connection.reopen();
    auto durable = options;
    durable.durable = true;
    return declare_or_adopt(connection, durable);
}

rabbit::Queue declare_exactly(rabbit::Connection& connection, const rabbit::QueueOptions& options) {
    try {
        return connection.declare(options);
    } catch (const rabbit::Error& error) {
        const auto advise = [&](std::string_view advice) {
            return rabbit::Error(error.kind(), fmt::format("cannot declare queue '{}'", options.name),
                                 fmt::format("{}; {}", error.cause(), advice), error.reply_code());
        };
        if (error.reply_code() == precondition_failed) {
            throw advise("leave the declaring options out to use the queue as it is, or delete it first");
        }
        if (refuses_transient_queues(error)) {
            throw advise("add --durable");
        }
        throw;
    }
}

}  // namespace

void QueueFlags::add_to(CLI::App& app) {
    app.add_option("-q,--queue", name, "The queue; declared if it does not exist")
        ->type_name("NAME")
        ->capture_default_str()
        ->group(group);
    auto* exactly = app.add_flag("--durable", durable, "Declare it to outlive a restart of the broker")->group(group);
    auto* with_type = app.add_option("--queue-type", type, "Declare it as one; quorum and stream are durable")
                          ->type_name("classic|quorum|stream")
                          ->check(CLI::IsMember({"classic", "quorum", "stream"}).description(""))
                          ->group(group);
    auto* with_arguments = app.add_option("--queue-arg", arguments, "Declare it with an argument (repeatable)")
                               ->type_name("KEY[:TYPE]=VALUE")
                               ->allow_extra_args(false)
                               ->group(group);
    app.add_flag("--no-declare", no_declare, "Take the queue to exist")
        ->excludes(exactly, with_type, with_arguments)
        ->group(group);
}

rabbit::QueueOptions QueueFlags::to_declare() const {
    rabbit::QueueOptions result{
        .name = name, .durable = durable || type == "quorum" || type == "stream", .arguments = {}};
    if (!type.empty()) {
        result.arguments.push_back({"x-queue-type", {type}});
    }
    for (const auto& argument : arguments) {
        result.arguments.push_back(parse_argument("--queue-arg", argument));
    }
    return result;
}

rabbit::Queue declare(rabbit::Connection& connection, const QueueFlags& options) {
    if (options.name.starts_with(direct_reply)) {
        return connection.declare({.name = options.name, .passive = true});
    }
    if (options.no_declare || options.name.starts_with(reserved)) {
        return {.name = options.name};
    }
    return options.declares_exactly() ? declare_exactly(connection, options.to_declare())
                                      : declare_as_found(connection, options.to_declare());
}

}  // namespace cli
