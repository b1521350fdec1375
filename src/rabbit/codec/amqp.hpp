#pragma once

// rabbitmq-c's headers, which moved to a folder of their own in 0.12.
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#endif

#include <chrono>
#include <string>
#include <string_view>

namespace rabbit {

/// Points at the characters of `text`, which must outlive the result. rabbitmq-c only reads what it is given to send.
inline amqp_bytes_t to_amqp(std::string_view text) {
    return {text.size(), const_cast<char*>(text.data())};
}

inline std::string_view view(amqp_bytes_t bytes) {
    return {static_cast<const char*>(bytes.bytes), bytes.len};
}

inline std::string copy(amqp_bytes_t bytes) {
    return std::string(view(bytes));
}

inline timeval to_timeval(std::chrono::microseconds duration) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(duration);
    return {static_cast<time_t>(seconds.count()), static_cast<suseconds_t>((duration - seconds).count())};
}

}  // namespace rabbit
