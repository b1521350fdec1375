#pragma once

// Nothing here is shared with the library that is measured: only rabbitmq-c, whose headers moved in 0.12.
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#endif

#include <memory>
#include <string>
#include <string_view>

namespace bench {

inline constexpr amqp_channel_t channel = 1;

/// Points at the characters of `text`, which must outlive the result.
inline amqp_bytes_t to_amqp(std::string_view text) {
    return {text.size(), const_cast<char*>(text.data())};
}

/// Throw std::runtime_error unless it went well.
void check(int status, const std::string& operation);
void check(const amqp_rpc_reply_t& reply, const std::string& operation);

/// A connection to the broker of AMQP_URL, logged in, with one channel open and no heartbeats.
class Session {
public:
    Session();

    [[nodiscard]] amqp_connection_state_t state() const noexcept { return state_.get(); }

    /// Checks the last synchronous call, one that gave no status of its own.
    void check_reply(const std::string& operation) const;

    void close() const;

private:
    struct Destroy {
        void operator()(amqp_connection_state_t state) const noexcept { amqp_destroy_connection(state); }
    };
    std::unique_ptr<amqp_connection_state_t_, Destroy> state_;
};

}  // namespace bench
