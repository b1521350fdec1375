#pragma once

#include "rabbit/message.hpp"

#include <cstdint>
#include <string>

namespace rabbit {

/// basic.ack and basic.nack, as a publisher gets them (https://www.rabbitmq.com/docs/confirms).
struct Confirm {
    std::uint64_t delivery_tag = 0;
    bool multiple = false;  ///< all up to the tag
    bool ack = true;
};

/// basic.return: a mandatory message that no queue took.
struct Return {
    int reply_code = 0;
    std::string reply_text;
    Address address;
    Message message;
};

/// Who gets what the broker sends to a consumer. Called while a function of the connection waits; must not wait itself.
class ConsumerListener {
public:
    virtual void on_delivery(Delivery&&) {}
    virtual void on_cancel(bool /*by_broker*/) {}  ///< basic.cancel by the broker, or basic.cancel-ok
    virtual void on_get_empty() {}

protected:
    ~ConsumerListener() = default;
};

/// Who gets what the broker sends to a publisher; called likewise.
class PublisherListener {
public:
    virtual void on_confirm(const Confirm&) {}
    virtual void on_return(Return&&) {}
    virtual void on_unblocked() {}

protected:
    ~PublisherListener() = default;
};

}  // namespace rabbit
