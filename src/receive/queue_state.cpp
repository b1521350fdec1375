#include "queue_state.hpp"

#include "broker_rules.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

namespace receiving {

std::string type_of_queue(rabbit::Connection& connection, const std::string& queue) {
    try {  // every type of queue refuses one of the two arguments
        rabbit::Consumer consumer(
            connection, {.queue = queue,
                         .no_ack = false,
                         .prefetch = 1,
                         .arguments = {{priority_argument, {std::int32_t{0}}}, {offset_argument, {"first"}}}});
        consumer.cancel();
        while (consumer.next()) {
        }
        consumer.nack_all();
        return {};
    } catch (const rabbit::Error& error) {
        auto type = type_of_refusing_queue(error);
        if (type.empty()) {
            throw;
        }
        connection.reopen_channel();
        return type;
    }
}

std::uint32_t ready_messages(rabbit::Connection& connection, const std::string& queue) {
    return connection.declare({.name = queue, .passive = true, .arguments = {}}).message_count;
}

/// The broker may answer before it sends what it has already taken off the queue, but not before it has handled what
/// came before the question. Hence it is asked twice.
Drained is_drained(rabbit::Consumer& consumer) {
    bool known = true;
    for (int i = 0; i < 2; ++i) {
        const auto queue = consumer.look_at_queue();
        if (!queue || queue->message_count > 0 || consumer.arrived() > 0) {
            return Drained::no;
        }
        known = known && queue->consumer_count > 0;
    }
    return known ? Drained::yes : Drained::doubtful;
}

cli::UsageError no_stream(const std::string& queue, const std::string& type) {
    return cli::UsageError(fmt::format("--offset: queue '{}' is not a stream but a {} queue", queue, type));
}

}  // namespace receiving
