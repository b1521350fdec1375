#include "receive.hpp"

#include "broker_rules.hpp"
#include "check.hpp"
#include "connect.hpp"
#include "declaration.hpp"
#include "ending.hpp"
#include "error_report.hpp"
#include "interruption.hpp"
#include "peek.hpp"
#include "rabbit/error.hpp"
#include "receiver.hpp"
#include "repr.hpp"
#include "say.hpp"
#include "seconds.hpp"
#include "signals.hpp"
#include "target.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace receiving {
namespace {

/// Whoever asks for a part of a stream is told that the whole of it comes.
void warn_of_missing_filters(const std::string& program, const Options& options, const rabbit::Connection& connection) {
    const auto arguments = options.parsed_consumer_arguments();
    const bool filters =
        std::any_of(arguments.begin(), arguments.end(), [](const auto& each) { return each.name == filter_argument; });
    if (filters && !has_stream_filters(connection.server())) {
        cli::say("{}: {}: this broker has no stream filters (RabbitMQ 3.13 and later do), so every message comes\n",
                 program, filter_argument);
    }
}

/// What is asked for while the connection is opened. A peek declares nothing, and whoever publishes messages on connects
/// to where they go before.
std::optional<rabbit::QueueOptions> early_declare(const Options& options) {
    return options.peek || options.publishes() ? std::nullopt : first_declare(options);
}

void empty_queue(const std::string& program, const Options& options, rabbit::Connection& connection) {
    std::string queue;
    std::uint32_t messages = 0;
    connection.with_reconnect([&] {
        queue = declare_and_bind(connection, options);
        messages += purge(connection, queue);
    });
    if (!options.verbosity.quiet) {
        cli::say("{}: queue '{}': {} messages purged\n", program, cli::printable(queue), messages);
    }
}

}  // namespace

cli::ExitCode receive(const std::string& program, const Options& options) {
    const auto begun = rabbit::Clock::now();
    options.check();
    if (options.connect.check) {
        return cli::check(program, options.connect, options.verbosity);
    }
    const cli::Signals signals;
    try {
        auto connection = cli::connect(program, options.connect, options.verbosity, signals.descriptor(),
                                       options.timeout, early_declare(options));
        warn_of_missing_filters(program, options, connection);
        if (options.peek) {
            return peek(program, options, connection);
        }
        Interruption interruption;
        const auto target =
            open_target(program, options, signals.descriptor(), interruption, cli::after(begun, options.timeout));
        if (options.purge) {
            empty_queue(program, options, connection);
        }
        if (options.count == 0) {
            connection.with_reconnect(
                [&] { connection.declare({.name = declare_and_bind(connection, options), .passive = true}); });
            if (target) {
                target->close();
            }
            connection.close();
            return cli::ExitCode::done;
        }
        return receive_messages(program, options, connection, target.get(), interruption, begun);
    } catch (const rabbit::Error& error) {  // there was no consumer yet
        if (error.kind() != rabbit::ErrorKind::interrupted) {
            throw;
        }
        cli::report_error(program, error);
        return exit_code_of_signal(options, cli::exit_code_of_signal());
    }
}

}  // namespace receiving
