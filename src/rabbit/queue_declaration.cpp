#include "queue_declaration.hpp"

#include "channel.hpp"
#include "codec/table_codec.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

namespace rabbit {

void append_declare(Channel& channel, const QueueOptions& options) {
    check_short_string("queue name", options.name);
    const TableView arguments(options.arguments);
    amqp_queue_declare_t declare{};
    declare.queue = to_amqp(options.name);
    declare.passive = options.passive;
    declare.durable = options.durable;
    declare.exclusive = options.exclusive;
    declare.auto_delete = options.auto_delete;
    declare.arguments = arguments.get();
    channel.append(declare);
}

Queue await_declared(Channel& channel, const QueueOptions& options) {
    Queue queue;
    channel.await<amqp_queue_declare_ok_t>(fmt::format("cannot declare queue '{}'", options.name),
                                           channel.reply_deadline(), [&queue](const auto& ok) {
                                               queue = {copy(ok.queue), ok.message_count, ok.consumer_count};
                                           });
    return queue;
}

}  // namespace rabbit
