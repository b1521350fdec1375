#pragma once

#include "rabbit/connection.hpp"
#include "rabbit/listener.hpp"

#include <optional>
#include <string>

namespace rabbit {

/// Takes messages one by one, by basic.get (AMQP 0-9-1, section 1.8.3.10 of the generated reference). It is no consumer:
/// a queue that is deleted with its last consumer stays, and an active one keeps its place. Streams do not take it.
/// Not thread-safe.
class Getter final : ConsumerListener {
public:
    /// `connection` must outlive it and have no other, nor a consumer.
    explicit Getter(Connection& connection);
    ~Getter();
    Getter(const Getter&) = delete;
    Getter& operator=(const Getter&) = delete;

    /// The next message, which is to be acked or given back; empty: none is ready. Throws the kinds of Connection::wait.
    std::optional<Delivery> get(const std::string& queue);

    /// As Consumer::nack_all().
    void nack_all();

private:
    void on_delivery(Delivery&& delivery) override { taken_ = std::move(delivery); }
    void on_get_empty() override { empty_ = true; }

    Connection& connection_;
    std::optional<Delivery> taken_;
    bool empty_ = false;
};

}  // namespace rabbit
