#include "rabbit/getter.hpp"

#include "channel.hpp"
#include "rabbit/error.hpp"

#include <utility>

namespace rabbit {

Getter::Getter(Connection& connection) : connection_(connection) {
    connection_.channel().listen_to_deliveries(this);
}

Getter::~Getter() {
    connection_.channel().listen_to_deliveries(nullptr);
}

std::optional<Delivery> Getter::get(const std::string& queue) {
    auto& channel = connection_.channel();
    channel.check_open();
    amqp_basic_get_t get{};
    get.queue = to_amqp(queue);
    channel.append(get);
    empty_ = false;
    taken_.reset();
    const auto due = channel.reply_deadline();
    while (!taken_ && !empty_) {
        if (passed(due)) {
            throw channel.lost("it did not answer basic.get");
        }
        connection_.wait(due);
    }
    return std::exchange(taken_, std::nullopt);
}

void Getter::nack_all() {
    connection_.channel().append_nack_all();
}

}  // namespace rabbit
