#pragma once

#include "codec/amqp.hpp"
#include "rabbit/listener.hpp"

#include <cstdint>
#include <string_view>
#include <variant>

namespace rabbit {

/// The rule of AMQP that a frame breaks.
struct BrokenRule {
    std::string_view text;
};

/// What a frame has completed; nothing as long as more frames of the message are to come.
using Assembled = std::variant<std::monostate, Delivery, Return, BrokenRule>;

/// A delivered or returned message while its frames arrive: method, header, body frames (AMQP 0-9-1, section 2.3.5.2).
class MessageAssembler {
public:
    /// No message that a broker lets through is larger (https://www.rabbitmq.com/docs/configure, max_message_size).
    static constexpr std::uint64_t max_body = 512U << 20;

    void begin(const amqp_basic_deliver_t& method);
    void begin(const amqp_basic_get_ok_t& method);
    void begin(const amqp_basic_return_t& method);
    [[nodiscard]] bool begun() const noexcept { return stage_ != Stage::none; }

    /// Takes a header or body frame.
    [[nodiscard]] Assembled add(const amqp_frame_t& frame);

private:
    enum class Stage { none, header, body };

    template <class Method>
    void begin_delivery(const Method& method);
    Message& message();
    void read_properties(const amqp_basic_properties_t* properties);
    std::string_view add_header(const amqp_frame_t& frame);
    std::string_view add_body(const amqp_frame_t& frame);

    Stage stage_ = Stage::none;
    std::variant<Delivery, Return> pending_;
    std::uint64_t missing_ = 0;  ///< bytes of the body
};

}  // namespace rabbit
