#include "codec/frame_codec.hpp"

#include "rabbit/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace rabbit {
namespace {

void put(char* at, std::uint64_t number, int bytes) {
    for (int i = 0; i < bytes; ++i) {
        at[i] = static_cast<char>(number >> (8 * (bytes - 1 - i)));
    }
}

std::uint64_t get(const void* at, int bytes) {
    std::uint64_t number = 0;
    for (int i = 0; i < bytes; ++i) {
        number = number << 8 | static_cast<const unsigned char*>(at)[i];
    }
    return number;
}

void put_frame_header(char* at, std::uint8_t type, amqp_channel_t channel, std::size_t size) {
    put(at, type, 1);
    put(at + 1, channel, 2);
    put(at + 3, size, 4);
}

/// The part of a payload in front of what rabbitmq-c decodes: a method's number; a header's class, weight and body
/// size; nothing of a body. Empty for a type that AMQP does not have.
std::optional<std::size_t> fixed_part(std::uint8_t frame_type) {
    switch (frame_type) {
        case AMQP_FRAME_METHOD: return 4;
        case AMQP_FRAME_HEADER: return 12;
        case AMQP_FRAME_BODY:
        case AMQP_FRAME_HEARTBEAT: return 0;
        default: return std::nullopt;
    }
}

/// Writes the payload of a frame that is no body; its size, or rabbitmq-c's negative status.
int encode_payload(const amqp_frame_t& frame, char* at, std::size_t room) {
    if (frame.frame_type == AMQP_FRAME_HEARTBEAT) {
        return 0;
    }
    if (frame.frame_type == AMQP_FRAME_METHOD) {
        const auto& method = frame.payload.method;
        put(at, method.id, 4);
        const int size = amqp_encode_method(method.id, method.decoded, {room - 4, at + 4});
        return size < 0 ? size : size + 4;
    }
    const auto& header = frame.payload.properties;
    put(at, header.class_id, 2);
    put(at + 2, 0, 2);  // weight, unused
    put(at + 4, header.body_size, 8);
    const int size = amqp_encode_properties(header.class_id, header.decoded, {room - 12, at + 12});
    return size < 0 ? size : size + 12;
}

/// Appends the payload of a frame that is no body; false: it is larger than `largest`. Most fit a buffer that need not be
/// cleared first.
bool append_payload(std::string& out, const amqp_frame_t& frame, std::size_t largest) {
    char usual[2048];
    if (const int size = encode_payload(frame, usual, std::min(sizeof usual, largest)); size >= 0) {
        out.append(usual, static_cast<std::size_t>(size));
        return true;
    }
    const auto begin = out.size();
    out.resize(begin + largest);
    const int size = encode_payload(frame, out.data() + begin, largest);
    out.resize(begin + static_cast<std::size_t>(std::max(size, 0)));
    return size >= 0;
}

Error too_large_for(std::size_t frame_max) {
    return {ErrorKind::invalid, "cannot send the headers or arguments",
            fmt::format("they do not fit a frame of {} bytes", frame_max - frame_overhead)};
}

}  // namespace

std::size_t frame_size(const char* frame) {
    return frame_overhead + get(frame + 3, 4);
}

amqp_channel_t frame_channel(const char* frame) {
    return static_cast<amqp_channel_t>(get(frame + 1, 2));
}

bool has_frame_type(const char* frame) {
    return fixed_part(static_cast<std::uint8_t>(*frame)).has_value();
}

void append_frame(std::string& out, const amqp_frame_t& frame, std::size_t frame_max) {
    const auto begin = out.size();
    out.resize(begin + frame_header);
    if (frame.frame_type == AMQP_FRAME_BODY) {
        out.append(view(frame.payload.body_fragment));
    } else if (!append_payload(out, frame, frame_max - frame_overhead)) {
        out.resize(begin);
        throw too_large_for(frame_max);
    }
    put_frame_header(out.data() + begin, frame.frame_type, frame.channel, out.size() - begin - frame_header);
    append_frame_end(out);
}

void check_frame_size(std::size_t size, std::size_t frame_max) {
    if (size > frame_max) {
        throw too_large_for(frame_max);
    }
}

void append_frame_header(std::string& out, std::uint8_t type, amqp_channel_t channel, std::size_t size) {
    char header[frame_header];
    put_frame_header(header, type, channel, size);
    out.append(header, sizeof header);
}

void put_body_size(char* at, std::uint64_t size) {
    put(at, size, 8);
}

std::optional<amqp_frame_t> FrameDecoder::decode(char* data) {
    amqp_frame_t frame{};
    frame.frame_type = static_cast<std::uint8_t>(*data);
    frame.channel = frame_channel(data);
    const auto size = frame_size(data);
    const auto fixed = fixed_part(frame.frame_type);
    if (!fixed || size < frame_overhead + *fixed || !is_frame_end(data[size - 1])) {
        error_ = "it sent a malformed frame";
        return std::nullopt;
    }
    recycle_amqp_pool(&decoded_);
    if (const int status = decode_payload(frame, {size - frame_overhead, data + frame_header}, *fixed); status < 0) {
        error_ = fmt::format("it sent a malformed frame: {}", amqp_error_string2(status));
        return std::nullopt;
    }
    return frame;
}

/// The result is rabbitmq-c's negative status if not 0.
int FrameDecoder::decode_payload(amqp_frame_t& frame, amqp_bytes_t payload, std::size_t fixed) {
    char* at = static_cast<char*>(payload.bytes);
    const amqp_bytes_t encoded{payload.len - fixed, at + fixed};
    switch (frame.frame_type) {
        case AMQP_FRAME_METHOD: {
            auto& method = frame.payload.method;
            method.id = static_cast<amqp_method_number_t>(get(at, 4));
            return amqp_decode_method(method.id, &decoded_, encoded, &method.decoded);
        }
        case AMQP_FRAME_HEADER: {
            auto& header = frame.payload.properties;
            header.class_id = static_cast<std::uint16_t>(get(at, 2));
            header.body_size = get(at + 4, 8);
            if (amqp_decode_properties(header.class_id, &decoded_, encoded, &header.decoded) < 0) {
                header.decoded = nullptr;
            }
            return AMQP_STATUS_OK;
        }
        default: frame.payload.body_fragment = payload; return AMQP_STATUS_OK;
    }
}

}  // namespace rabbit
