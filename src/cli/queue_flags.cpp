#include "queue_flags.hpp"

#include "cli11.hpp"
#include "field_option.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

namespace cli {
namespace {

constexpr auto group = "Queue";

/// Names that only the broker may declare (AMQP 0-9-1, section 1.7.2.1 of the generated reference).
constexpr auto reserved = "amq.";

/// RabbitMQ closes the connection over a queue that is neither durable nor exclusive once its deprecated feature
/// is switched off (https://www.rabbitmq.com/docs/deprecated-features).
bool refuses_transient_queues(const rabbit::Error& error) {
    return error.reply_code() == rabbit::reply_code::internal_error &&
           error.cause().find("transient_nonexcl_queues") != std::string::npos;
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

/// How the queue differs from the one asked for. The broker names one difference only, and of the wrong type of queue
/// most often no more than that it is not durable.
std::string difference(const std::string& cause, const QueueFlags& flags) {
    const auto has = [&cause](std::string_view text) { return cause.find(text) != std::string::npos; };
    if (has("inequivalent arg 'durable'") && has("current is 'false'")) {
        return flags.durable ? "it exists and is not durable"
                             : fmt::format("it exists and is not durable, so it is no {} queue", flags.type);
    }
    if (has("inequivalent arg 'durable'")) {
        return "it exists and is durable; add --durable";
    }
    if (has("inequivalent arg 'auto_delete'")) {
        return flags.auto_delete ? "it exists and is not deleted with its last consumer"
                                 : "it exists and is deleted with its last consumer; add --auto-delete";
    }
    if (has("inequivalent arg 'x-queue-type'")) {
        return "it exists with another type";
    }
    return "it exists with other properties";
}

rabbit::Queue declare_exactly(rabbit::Connection& connection, const QueueFlags& flags,
                              const rabbit::QueueOptions& options) {
    try {
        return connection.declare(options);
    } catch (const rabbit::Error& error) {
        const auto explained = [&](const std::string& cause) {
            return rabbit::Error(error.kind(), fmt::format("cannot declare queue '{}'", options.name), cause,
                                 error.reply_code());
        };
        if (error.cause().find("inequivalent arg") != std::string::npos) {
            throw explained(
                fmt::format("{}; leave the declaring options out to use it as it is, delete it first, or "
                            "take another name ({})",
                            difference(error.cause(), flags), error.cause()));
        }
        if (refuses_transient_queues(error)) {
            throw explained(error.cause() + "; add --durable");
        }
        throw;
    }
}

}  // namespace

void QueueFlags::add_to(CLI::App& app) {
    app.add_option("-q,--queue", name, "Name of the queue; it is declared if it does not exist")
        ->type_name("NAME")
        ->capture_default_str()
        ->group(group);
    auto* exactly =
        app.add_flag("--durable", durable, "Declare it durable: it outlives a restart of the broker")->group(group);
    auto* with_type = add_choice<std::string>(app, "--queue-type", type,
                                              {{"classic", "classic"}, {"quorum", "quorum"}, {"stream", "stream"}},
                                              "Declare it with this type; quorum queues and streams are durable")
                          ->group(group);
    auto* with_arguments = add_repeatable(app, "--queue-arg", arguments, "Declare it with this argument (repeatable)")
                               ->type_name("KEY[:TYPE]=VALUE")
                               ->group(group);
    auto* with_auto_delete =
        app.add_flag("--auto-delete", auto_delete, "Declare it so that it is deleted when its last consumer has gone")
            ->group(group);
    app.add_flag("--no-declare", no_declare, "Do not declare the queue; it must exist")
        ->excludes(exactly, with_type, with_arguments, with_auto_delete)
        ->group(group);
}

rabbit::QueueOptions QueueFlags::to_declare() const {
    rabbit::QueueOptions result{.name = name,
                                .durable = durable || type == "quorum" || type == "stream",
                                .exclusive = exclusive,
                                .auto_delete = auto_delete,
                                .arguments = {}};
    if (!type.empty()) {
        result.arguments.push_back({"x-queue-type", {type}});
    }
    for (const auto& argument : arguments) {
        result.arguments.push_back(parse_argument("--queue-arg", argument));
    }
    return result;
}

std::optional<rabbit::QueueOptions> QueueFlags::first_declare() const {
    if (rabbit::is_direct_reply(name)) {
        return rabbit::QueueOptions{.name = name, .passive = true};
    }
    return no_declare || name.starts_with(reserved) ? std::nullopt : std::optional(to_declare());
}

rabbit::Queue declare_or_adopt(rabbit::Connection& connection, const rabbit::QueueOptions& options) {
    try {
        return connection.declare(options);
    } catch (const rabbit::Error& error) {
        if (error.reply_code() != rabbit::reply_code::precondition_failed) {
            throw;
        }
    }
    connection.reopen_channel();
    return connection.declare({.name = options.name, .passive = true, .arguments = {}});
}

rabbit::Queue declare(rabbit::Connection& connection, const QueueFlags& flags) {
    const auto options = flags.first_declare();
    if (!options) {
        return {.name = flags.name};
    }
    if (options->passive) {
        return connection.declare(*options);
    }
    return flags.declares_exactly() ? declare_exactly(connection, flags, *options)
                                    : declare_as_found(connection, *options);
}

}  // namespace cli
