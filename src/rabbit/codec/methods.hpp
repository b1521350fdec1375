#pragma once

#include "codec/amqp.hpp"

#include <cstdint>

namespace rabbit {

/// The library uses one channel of each connection.
inline constexpr amqp_channel_t channel_number = 1;

/// The number of the method whose arguments a type of rabbitmq-c holds.
template <class Method>
inline constexpr amqp_method_number_t method_id = Method::is_no_method;

template <>
inline constexpr auto method_id<amqp_connection_start_t> = AMQP_CONNECTION_START_METHOD;
template <>
inline constexpr auto method_id<amqp_connection_start_ok_t> = AMQP_CONNECTION_START_OK_METHOD;
template <>
inline constexpr auto method_id<amqp_connection_tune_t> = AMQP_CONNECTION_TUNE_METHOD;
template <>
inline constexpr auto method_id<amqp_connection_tune_ok_t> = AMQP_CONNECTION_TUNE_OK_METHOD;
template <>
inline constexpr auto method_id<amqp_connection_open_t> = AMQP_CONNECTION_OPEN_METHOD;
template <>
inline constexpr auto method_id<amqp_connection_open_ok_t> = AMQP_CONNECTION_OPEN_OK_METHOD;
template <>
inline constexpr auto method_id<amqp_connection_close_t> = AMQP_CONNECTION_CLOSE_METHOD;
template <>
inline constexpr auto method_id<amqp_connection_close_ok_t> = AMQP_CONNECTION_CLOSE_OK_METHOD;
template <>
inline constexpr auto method_id<amqp_connection_blocked_t> = AMQP_CONNECTION_BLOCKED_METHOD;
template <>
inline constexpr auto method_id<amqp_channel_open_t> = AMQP_CHANNEL_OPEN_METHOD;
template <>
inline constexpr auto method_id<amqp_channel_open_ok_t> = AMQP_CHANNEL_OPEN_OK_METHOD;
template <>
inline constexpr auto method_id<amqp_channel_flow_t> = AMQP_CHANNEL_FLOW_METHOD;
template <>
inline constexpr auto method_id<amqp_channel_flow_ok_t> = AMQP_CHANNEL_FLOW_OK_METHOD;
template <>
inline constexpr auto method_id<amqp_channel_close_t> = AMQP_CHANNEL_CLOSE_METHOD;
template <>
inline constexpr auto method_id<amqp_channel_close_ok_t> = AMQP_CHANNEL_CLOSE_OK_METHOD;
template <>
inline constexpr auto method_id<amqp_queue_declare_t> = AMQP_QUEUE_DECLARE_METHOD;
template <>
inline constexpr auto method_id<amqp_queue_declare_ok_t> = AMQP_QUEUE_DECLARE_OK_METHOD;
template <>
inline constexpr auto method_id<amqp_queue_bind_t> = AMQP_QUEUE_BIND_METHOD;
template <>
inline constexpr auto method_id<amqp_queue_bind_ok_t> = AMQP_QUEUE_BIND_OK_METHOD;
template <>
inline constexpr auto method_id<amqp_queue_purge_t> = AMQP_QUEUE_PURGE_METHOD;
template <>
inline constexpr auto method_id<amqp_queue_purge_ok_t> = AMQP_QUEUE_PURGE_OK_METHOD;
template <>
inline constexpr auto method_id<amqp_exchange_declare_t> = AMQP_EXCHANGE_DECLARE_METHOD;
template <>
inline constexpr auto method_id<amqp_exchange_declare_ok_t> = AMQP_EXCHANGE_DECLARE_OK_METHOD;
template <>
inline constexpr auto method_id<amqp_confirm_select_t> = AMQP_CONFIRM_SELECT_METHOD;
template <>
inline constexpr auto method_id<amqp_basic_publish_t> = AMQP_BASIC_PUBLISH_METHOD;
template <>
inline constexpr auto method_id<amqp_basic_return_t> = AMQP_BASIC_RETURN_METHOD;
template <>
inline constexpr auto method_id<amqp_basic_qos_t> = AMQP_BASIC_QOS_METHOD;
template <>
inline constexpr auto method_id<amqp_basic_qos_ok_t> = AMQP_BASIC_QOS_OK_METHOD;
template <>
inline constexpr auto method_id<amqp_basic_consume_t> = AMQP_BASIC_CONSUME_METHOD;
template <>
inline constexpr auto method_id<amqp_basic_consume_ok_t> = AMQP_BASIC_CONSUME_OK_METHOD;
template <>
inline constexpr auto method_id<amqp_basic_cancel_t> = AMQP_BASIC_CANCEL_METHOD;
template <>
inline constexpr auto method_id<amqp_basic_cancel_ok_t> = AMQP_BASIC_CANCEL_OK_METHOD;
template <>
inline constexpr auto method_id<amqp_basic_deliver_t> = AMQP_BASIC_DELIVER_METHOD;
template <>
inline constexpr auto method_id<amqp_basic_ack_t> = AMQP_BASIC_ACK_METHOD;
template <>
inline constexpr auto method_id<amqp_basic_nack_t> = AMQP_BASIC_NACK_METHOD;
template <>
inline constexpr auto method_id<amqp_basic_get_t> = AMQP_BASIC_GET_METHOD;
template <>
inline constexpr auto method_id<amqp_basic_get_ok_t> = AMQP_BASIC_GET_OK_METHOD;
template <>
inline constexpr auto method_id<amqp_basic_reject_t> = AMQP_BASIC_REJECT_METHOD;

/// Methods of the class connection go over channel 0 (AMQP 0-9-1, section 4.2.3), all others over the one channel.
constexpr bool is_for_connection(amqp_method_number_t method) {
    return method >> 16 == AMQP_CONNECTION_CLASS;
}

/// The frame of a method, which must outlive it.
template <class Method>
amqp_frame_t method_frame(const Method& method) {
    amqp_frame_t frame{};
    frame.frame_type = AMQP_FRAME_METHOD;
    frame.channel = is_for_connection(method_id<Method>) ? amqp_channel_t{0} : channel_number;
    frame.payload.method.id = method_id<Method>;
    frame.payload.method.decoded = const_cast<Method*>(&method);  // rabbitmq-c only reads it
    return frame;
}

/// The arguments in a method frame of that type.
template <class Method>
const Method& arguments_of(const amqp_frame_t& frame) {
    return *static_cast<const Method*>(frame.payload.method.decoded);
}

}  // namespace rabbit
