#include "message_assembler.hpp"

#include "codec/properties_codec.hpp"
#include "rabbit/error.hpp"

#include <algorithm>
#include <utility>

namespace rabbit {

template <class Method>
void MessageAssembler::begin_delivery(const Method& method) {
    pending_ = Delivery{.delivery_tag = method.delivery_tag,
                        .redelivered = method.redelivered != 0,
                        .address = {copy(method.exchange), copy(method.routing_key)},
                        .message = {}};
    stage_ = Stage::header;
}

void MessageAssembler::begin(const amqp_basic_deliver_t& method) {
    begin_delivery(method);
}

void MessageAssembler::begin(const amqp_basic_get_ok_t& method) {
    begin_delivery(method);
}

void MessageAssembler::begin(const amqp_basic_return_t& method) {
    pending_ = Return{.reply_code = method.reply_code,
                      .reply_text = copy(method.reply_text),
                      .address = {copy(method.exchange), copy(method.routing_key)},
                      .message = {}};
    stage_ = Stage::header;
}

Message& MessageAssembler::message() {
    return std::visit([](auto& pending) -> Message& { return pending.message; }, pending_);
}

Assembled MessageAssembler::add(const amqp_frame_t& frame) {
    const auto broken = frame.frame_type == AMQP_FRAME_HEADER ? add_header(frame) : add_body(frame);
    if (!broken.empty()) {
        return BrokenRule{broken};
    }
    if (missing_ > 0) {
        return {};
    }
    stage_ = Stage::none;
    return std::visit([](auto& finished) { return Assembled(std::move(finished)); }, pending_);
}

std::string_view MessageAssembler::add_header(const amqp_frame_t& frame) {
    const auto& header = frame.payload.properties;
    if (stage_ != Stage::header) {
        return "a header frame that belongs to no message";
    }
    if (header.class_id != AMQP_BASIC_CLASS) {
        return "a header frame of another class than its method's";
    }
    if (header.body_size > max_body) {
        return "a message larger than 512 MiB";
    }
    read_properties(static_cast<const amqp_basic_properties_t*>(header.decoded));
    missing_ = header.body_size;
    constexpr std::uint64_t trusted = 1U << 20;  // a size that is only claimed takes no more memory than this
    message().body.reserve(static_cast<std::size_t>(std::min(missing_, trusted)));
    stage_ = Stage::body;
    return {};
}

/// What a publisher wrote into them must not end a consumer's connection.
void MessageAssembler::read_properties(const amqp_basic_properties_t* properties) {
    if (!properties) {
        message().unreadable = "its properties are malformed, or nested too deep";
        return;
    }
    try {
        message().properties = copy_properties(*properties);
    } catch (const Error& error) {
        message().unreadable = error.cause();
    }
}

std::string_view MessageAssembler::add_body(const amqp_frame_t& frame) {
    const auto fragment = view(frame.payload.body_fragment);
    if (stage_ != Stage::body) {
        return "a body frame that belongs to no message";
    }
    if (fragment.size() > missing_) {
        return "a body longer than its header said";
    }
    message().body.append(fragment);
    missing_ -= fragment.size();
    return {};
}

}  // namespace rabbit
