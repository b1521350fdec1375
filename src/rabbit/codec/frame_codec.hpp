#pragma once

#include "codec/amqp.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rabbit {

// AMQP 0-9-1, section 4.2.3: type, channel and size come before a frame's payload, the end octet behind it.
constexpr std::size_t frame_header = 7;
constexpr std::size_t frame_overhead = frame_header + 1;

/// The size of the frame whose header begins there, header and end included.
std::size_t frame_size(const char* frame);

amqp_channel_t frame_channel(const char* frame);

/// The type is one that AMQP has.
bool has_frame_type(const char* frame);

/// Encodes a frame behind `out`. Throws ErrorKind::invalid, and leaves `out` as it was, if it is larger than `frame_max`.
void append_frame(std::string& out, const amqp_frame_t& frame, std::size_t frame_max);

/// Throws ErrorKind::invalid if a frame of `size` bytes is larger than `frame_max`.
void check_frame_size(std::size_t size, std::size_t frame_max);

/// The header and the end of a frame; the payload, of `size` bytes, goes between them.
void append_frame_header(std::string& out, std::uint8_t type, amqp_channel_t channel, std::size_t size);
inline void append_frame_end(std::string& out) {
    out += static_cast<char>(AMQP_FRAME_END);
}

/// Where in a content header frame the size of the body is (section 4.2.6.1).
constexpr std::size_t body_size_in_header_frame = frame_header + 4;
void put_body_size(char* at, std::uint64_t size);

inline bool is_frame_end(char octet) {
    return static_cast<unsigned char>(octet) == AMQP_FRAME_END;
}

/// Decodes frames, after checking what rabbitmq-c takes for granted: that there is an end octet, and that a payload is
/// as long as the fixed part of its type.
class FrameDecoder {
public:
    FrameDecoder() { init_amqp_pool(&decoded_, std::size_t{16} * 1024); }
    ~FrameDecoder() { empty_amqp_pool(&decoded_); }
    FrameDecoder(const FrameDecoder&) = delete;
    FrameDecoder& operator=(const FrameDecoder&) = delete;

    /// A frame of frame_size(); what it points to lives until the next call. Empty if it is malformed: see error().
    /// A header frame whose properties cannot be decoded has none (`decoded` is null): they are a publisher's, and no
    /// fault of the broker's.
    std::optional<amqp_frame_t> decode(char* data);

    [[nodiscard]] const std::string& error() const noexcept { return error_; }

private:
    int decode_payload(amqp_frame_t& frame, amqp_bytes_t payload, std::size_t fixed);

    amqp_pool_t decoded_;
    std::string error_;
};

}  // namespace rabbit
