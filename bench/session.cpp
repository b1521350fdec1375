#include "session.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <poll.h>

namespace bench {

void append_number(std::string& to, std::uint64_t value, int bytes) {
    while (bytes-- > 0) {
        to += static_cast<char>(value >> (8 * bytes) & 0xff);
    }
}

std::uint64_t number(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char byte : bytes) {
        value = value << 8 | static_cast<unsigned char>(byte);
    }
    return value;
}

void append_frame(std::string& to, std::uint8_t type, amqp_channel_t on, std::string_view payload) {
    append_number(to, type, 1);
    append_number(to, on, 2);
    append_number(to, payload.size(), 4);
    to += payload;
    append_number(to, AMQP_FRAME_END, 1);
}

void append_method(std::string& to, amqp_channel_t on, amqp_method_number_t id, void* method) {
    std::string arguments(4096, '\0');
    const int size = amqp_encode_method(id, method, to_amqp(arguments));
    if (size < 0) {
        throw std::runtime_error(std::string("cannot encode ") + amqp_method_name(id));
    }
    std::string payload;
    append_number(payload, id, 4);
    append_frame(to, AMQP_FRAME_METHOD, on, payload.append(arguments, 0, static_cast<std::size_t>(size)));
}

Session::Session() {
    const char* environment = std::getenv("AMQP_URL");
    std::string url = environment ? environment : "amqp://guest:guest@localhost:5672/%2f";
    amqp_connection_info info;
    if (const int status = amqp_parse_url(url.data(), &info); status != AMQP_STATUS_OK) {
        throw std::runtime_error(std::string("AMQP_URL: ") + amqp_error_string2(status));
    }
    transport_ = std::make_unique<Transport>(info.host, info.port, info.ssl != 0);
    log_in(info);
}

void Session::log_in(const amqp_connection_info& info) {
    send(std::string_view("AMQP\0\0\x09\x01", 8));
    await(AMQP_CONNECTION_START_METHOD);

    amqp_connection_start_ok_t start_ok{};
    const auto response = std::string(1, '\0') + info.user + '\0' + info.password;
    start_ok.mechanism = to_amqp("PLAIN");
    start_ok.response = to_amqp(response);
    start_ok.locale = to_amqp("en_US");
    std::string bytes;
    append_method(bytes, 0, AMQP_CONNECTION_START_OK_METHOD, &start_ok);
    send(bytes);

    const auto tune = await(AMQP_CONNECTION_TUNE_METHOD);  // channel-max, frame-max, heartbeat
    frame_max_ = number(tune.substr(2, 4));
    amqp_connection_tune_ok_t tune_ok{};
    tune_ok.channel_max = channel;
    tune_ok.frame_max = static_cast<std::uint32_t>(frame_max_);
    bytes.clear();
    append_method(bytes, 0, AMQP_CONNECTION_TUNE_OK_METHOD, &tune_ok);
    send(bytes);

    amqp_connection_open_t open{};
    open.virtual_host = to_amqp(info.vhost);
    call_on(0, AMQP_CONNECTION_OPEN_METHOD, &open, AMQP_CONNECTION_OPEN_OK_METHOD);
    amqp_channel_open_t open_channel{};
    call(AMQP_CHANNEL_OPEN_METHOD, &open_channel, AMQP_CHANNEL_OPEN_OK_METHOD);
}

void Session::call(amqp_method_number_t id, void* method, amqp_method_number_t reply) {
    call_on(channel, id, method, reply);
}

void Session::call_on(amqp_channel_t on, amqp_method_number_t id, void* method, amqp_method_number_t reply) {
    std::string bytes;
    append_method(bytes, on, id, method);
    send(bytes);
    await(reply);
}

void Session::close() {
    amqp_connection_close_t close{};
    close.reply_code = AMQP_REPLY_SUCCESS;
    call_on(0, AMQP_CONNECTION_CLOSE_METHOD, &close, AMQP_CONNECTION_CLOSE_OK_METHOD);
}

void Session::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto written = transport_->write(bytes);
        if (written == 0) {
            transport_->wait(POLLOUT);
        }
        bytes.remove_prefix(written);
    }
}

/// The arguments of the method that has come.
std::string_view Session::await(amqp_method_number_t expected) {
    const auto piece = wait_next();
    if (piece.method() != expected) {
        const char* name =
            piece.type == AMQP_FRAME_METHOD ? amqp_method_name(piece.method()) : "a frame of another kind";
        throw std::runtime_error(std::string("instead of ") + amqp_method_name(expected) + " came " + name);
    }
    return piece.arguments();
}

Piece Session::wait_next() {
    for (;;) {
        if (const auto piece = next()) {
            return *piece;
        }
        if (!receive()) {
            transport_->wait(POLLIN);
        }
    }
}

bool Session::receive() {
    std::memmove(in_.get(), in_.get() + begin_, end_ - begin_);  // never much: the beginning of a method
    end_ -= std::exchange(begin_, 0);
    const auto received = transport_->read({in_.get() + end_, in_size - end_});
    end_ += received;
    return received > 0;
}

std::optional<Piece> Session::next() {
    if (body_left_ > 0) {
        return next_of_body();
    }
    const std::string_view available(in_.get() + begin_, end_ - begin_);
    if (available.size() < frame_header) {
        return std::nullopt;
    }
    const auto type = static_cast<std::uint8_t>(available[0]);
    const auto size = number(available.substr(3, 4));
    if (type == AMQP_FRAME_BODY) {
        begin_ += frame_header;
        body_left_ = size + 1;
        return next_of_body();
    }
    if (available.size() < size + frame_overhead) {
        return std::nullopt;
    }
    begin_ += size + frame_overhead;
    return Piece{type, available.substr(frame_header, size)};
}

std::optional<Piece> Session::next_of_body() {
    const auto taken = std::min(end_ - begin_, body_left_);
    if (taken == 0) {
        return std::nullopt;
    }
    body_left_ -= taken;
    const std::string_view payload(in_.get() + begin_, body_left_ == 0 ? taken - 1 : taken);
    begin_ += taken;
    if (payload.empty()) {  // the octet behind it came alone, and is no piece of a body
        return next();
    }
    return Piece{AMQP_FRAME_BODY, payload};
}

}  // namespace bench
