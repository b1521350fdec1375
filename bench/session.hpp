#pragma once

// Nothing here is shared with the library that is measured. rabbitmq-c, whose headers moved in 0.12, only encodes and
// decodes methods.
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#endif

#include "transport.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bench {

inline constexpr amqp_channel_t channel = 1;
inline constexpr std::size_t frame_header = 7;
inline constexpr std::size_t frame_overhead = frame_header + 1;

/// Points at the characters of `text`, which must outlive the result.
inline amqp_bytes_t to_amqp(std::string_view text) {
    return {text.size(), const_cast<char*>(text.data())};
}

void append_number(std::string& to, std::uint64_t value, int bytes);
[[nodiscard]] std::uint64_t number(std::string_view bytes);  ///< big-endian
void append_frame(std::string& to, std::uint8_t type, amqp_channel_t on, std::string_view payload);
void append_method(std::string& to, amqp_channel_t on, amqp_method_number_t id, void* method);

/// A frame's payload; that of a body frame may come in pieces. Valid until the session receives more.
struct Piece {
    std::uint8_t type;
    std::string_view payload;

    /// 0: not a method.
    [[nodiscard]] amqp_method_number_t method() const {
        return type == AMQP_FRAME_METHOD ? static_cast<amqp_method_number_t>(number(payload.substr(0, 4))) : 0;
    }
    /// What follows the method's number.
    [[nodiscard]] std::string_view arguments() const { return payload.substr(4); }
};

/// A connection to the broker of AMQP_URL, logged in, with one channel open and no heartbeats.
class Session {
public:
    Session();

    [[nodiscard]] Transport& transport() noexcept { return *transport_; }
    /// The largest frame agreed on.
    [[nodiscard]] std::size_t frame_max() const noexcept { return frame_max_; }

    /// What has come next, if it was received already.
    std::optional<Piece> next();
    /// Receives what is there; false: nothing.
    bool receive();

    /// Sends a method on the channel, and waits for the reply to it.
    void call(amqp_method_number_t id, void* method, amqp_method_number_t reply);
    void send(std::string_view bytes);
    void close();

private:
    static constexpr std::size_t in_size = std::size_t{256} * 1024;

    void log_in(const amqp_connection_info& info);
    void call_on(amqp_channel_t on, amqp_method_number_t id, void* method, amqp_method_number_t reply);
    std::string_view await(amqp_method_number_t expected);
    Piece wait_next();
    std::optional<Piece> next_of_body();

    std::unique_ptr<Transport> transport_;
    std::size_t frame_max_ = 0;
    std::unique_ptr<char[]> in_ = std::make_unique<char[]>(in_size);
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t body_left_ = 0;  ///< of a body frame, with the octet behind it
};

}  // namespace bench
