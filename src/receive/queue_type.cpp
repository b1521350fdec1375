#include "queue_type.hpp"

#include "broker_rules.hpp"
#include "rabbit/consumer.hpp"
#include "rabbit/error.hpp"

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

}  // namespace receiving
