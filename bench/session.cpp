#include "session.hpp"

#include <cstdlib>
#include <stdexcept>

namespace bench {
namespace {

constexpr int frame_max = 131072;  // RabbitMQ's default

std::string text(amqp_bytes_t bytes) {
    return {static_cast<const char*>(bytes.bytes), bytes.len};
}

std::string cause(const amqp_rpc_reply_t& reply) {
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) {
        return amqp_error_string2(reply.library_error);
    }
    switch (reply.reply.id) {
        case AMQP_CHANNEL_CLOSE_METHOD:
            return text(static_cast<const amqp_channel_close_t*>(reply.reply.decoded)->reply_text);
        case AMQP_CONNECTION_CLOSE_METHOD:
            return text(static_cast<const amqp_connection_close_t*>(reply.reply.decoded)->reply_text);
        default: return "no reply";
    }
}

}  // namespace

void check(int status, const std::string& operation) {
    if (status != AMQP_STATUS_OK) {
        throw std::runtime_error(operation + ": " + amqp_error_string2(status));
    }
}

void check(const amqp_rpc_reply_t& reply, const std::string& operation) {
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
        throw std::runtime_error(operation + ": " + cause(reply));
    }
}

Session::Session() : state_(amqp_new_connection()) {
    const char* environment = std::getenv("AMQP_URL");
    std::string url = environment ? environment : "amqp://guest:guest@localhost:5672/%2f";
    amqp_connection_info info;
    check(amqp_parse_url(url.data(), &info), "AMQP_URL");
    if (info.ssl) {
        throw std::runtime_error("AMQP_URL: without TLS, please");
    }
    auto* socket = amqp_tcp_socket_new(state());
    if (!socket) {
        throw std::bad_alloc();
    }
    check(amqp_socket_open(socket, info.host, info.port), "cannot connect");
    check(amqp_login(state(), info.vhost, 0, frame_max, 0, AMQP_SASL_METHOD_PLAIN, info.user, info.password),
          "cannot log in");
    amqp_channel_open(state(), channel);
    check_reply("cannot open a channel");
}

void Session::check_reply(const std::string& operation) const {
    check(amqp_get_rpc_reply(state()), operation);
}

void Session::close() const {
    check(amqp_connection_close(state(), AMQP_REPLY_SUCCESS), "cannot close");
}

}  // namespace bench
