#pragma once

#include "codec/frame_codec.hpp"
#include "codec/methods.hpp"
#include "codec/properties_codec.hpp"
#include "net/stream.hpp"
#include "rabbit/connection.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// A method with the arguments that `set` sets; all others are zero.
template <class Method, class Set>
Method with(Set set) {
    Method method{};
    set(method);
    return method;
}

/// The other end of a connection, without a network: it lets clients in and answers what a broker answers at once. A
/// test makes it say the rest.
class FakeBroker {
public:
    /// Called with each frame that the client sends once it is logged in and has a channel.
    std::function<void(const amqp_frame_t&)> on_frame = [](const amqp_frame_t&) {};

    /// For Connection's constructor. The broker must outlive the connection.
    rabbit::StreamOpener opener();

    template <class Method>
    void say(const Method& method) {
        say(rabbit::method_frame(method));
    }
    void say(const amqp_frame_t& frame);

    void deliver(std::uint64_t tag, std::string_view body, const rabbit::Properties& properties = {});
    void give_back(std::string_view exchange, std::string_view routing_key, std::string_view body,
                   const rabbit::Properties& properties = {});
    void ack(std::uint64_t tag, bool multiple = false);
    void nack(std::uint64_t tag, bool multiple = false);

    /// The largest frame that it takes, from the next connection on; 0: any.
    std::uint32_t frame_max = 0;
    /// Whether it closes the channel over each queue.declare.
    bool refuses_queues = false;
    /// The most bytes that it takes at once.
    std::size_t takes = std::string::npos;
    /// How often a client has handed it bytes.
    int writes = 0;

    /// Ends the connection, after what has been said.
    void hang_up();

    /// How often a client has connected.
    [[nodiscard]] int connections() const noexcept { return connections_; }

    /// The methods that the client has sent over its channel since it logged in, with its first arguments copied.
    struct Heard {
        amqp_method_number_t method = 0;
        std::uint64_t delivery_tag = 0;  ///< of acks, nacks and rejects
        bool flag = false;               ///< multiple of an ack; requeue of a nack or reject
        std::string routing_key;         ///< of a publish
    };
    std::vector<Heard> heard;

private:
    class End;

    void say_content(const rabbit::Properties& properties, std::string_view body);
    void hear(const amqp_frame_t& frame);
    void answer(const amqp_frame_t& frame);

    std::string said_;  ///< not read by the client yet
    bool hung_up_ = false;
    int connections_ = 0;
    End* end_ = nullptr;
};
