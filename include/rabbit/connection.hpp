#pragma once

#include "rabbit/deadline.hpp"
#include "rabbit/endpoint.hpp"
#include "rabbit/message.hpp"
#include "rabbit/queue.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct pollfd;
struct amqp_frame_t_;
struct amqp_basic_publish_t_;
struct amqp_basic_properties_t_;

namespace rabbit {

class MessageAssembler;
class Error;
class Retry;
class Wire;

struct ConnectionOptions {
    std::string product = {};  ///< with version and name: how the broker's own listings show this connection
    std::string version = {};
    std::string name = {};
    std::chrono::milliseconds connect_timeout{10'000};  ///< for one attempt, from resolving the name to the AMQP login
    std::chrono::milliseconds reply_timeout{30'000};    ///< for the answer to a method such as queue.declare
    std::chrono::seconds heartbeat{20};                 ///< the broker may ask for less; 0: none
    std::chrono::milliseconds retry_for{0};  ///< how long to go on trying to connect; 0: every endpoint once
    Deadline deadline = {};                  ///< as by Connection::set_deadline
    /// Called once connected, for each endpoint that did not answer before.
    std::function<void(const Error&)> on_passed_over = {};
    /// Called before each pause between two rounds of trying.
    std::function<void(const Error&, std::chrono::milliseconds pause)> on_retry = {};
    /// A descriptor that becomes readable when waits are to end (a signal's pipe); -1: none. It is reported once, by
    /// an Error of kind `interrupted` out of whatever waits; after that the connection goes on working without it,
    /// so that the caller can finish in order.
    int interrupt = -1;
    /// Called with the broker's reason when it stops taking messages (a memory or disk alarm,
    /// https://www.rabbitmq.com/docs/connection-blocked), and with nothing when it takes them again.
    std::function<void(std::optional<std::string_view>)> on_blocked = {};
};

/// basic.ack and basic.nack, as a publisher gets them (https://www.rabbitmq.com/docs/confirms).
struct Confirm {
    std::uint64_t delivery_tag = 0;
    bool multiple = false;  ///< all up to the tag
    bool ack = true;
};

/// basic.return: a mandatory message that no queue took.
struct Return {
    int reply_code = 0;
    std::string reply_text;
    Address address;
    Message message;
};

/// Who gets what the broker sends unasked. Called while a function of the connection waits; must not wait itself.
class Listener {
public:
    virtual void on_delivery(Delivery) {}
    virtual void on_cancel(bool /*by_broker*/) {}  ///< basic.cancel by the broker, or basic.cancel-ok
    virtual void on_confirm(const Confirm&) {}
    virtual void on_return(Return) {}
    virtual void on_unblocked() {}

protected:
    ~Listener() = default;
};

/// Why Connection::wait came back.
enum class WaitResult {
    frame,     ///< the broker sent something, and it was handled
    watched,   ///< a watched descriptor is ready
    deadline,  ///< the time was up
};

/// A connection with its one channel, open from construction on.
///
/// Not for several threads. After an Error of any kind but `invalid`, `interrupted` and `closed` by a channel it can
/// only be reopened or destroyed. Heartbeats are kept while a function of this class waits, and only then: whoever
/// waits for something else waits for it here, as a watched descriptor.
class Connection {
public:
    /// Connects to the first of the endpoints, the nodes of one cluster, that answers, and opens a channel. Throws kind
    /// `unreachable` when none does for as long as options.retry_for, `refused` at once when one does not let this
    /// client in, since trying again will not mend that, or `interrupted`.
    explicit Connection(std::vector<Endpoint> endpoints, ConnectionOptions options = {});
    explicit Connection(Endpoint endpoint, ConnectionOptions options = {});
    /// Drops the socket; close() is the polite end.
    ~Connection();
    Connection(Connection&&) noexcept;
    Connection& operator=(Connection&&) noexcept;

    /// queue.declare. An Error of kind `closed` leaves the connection usable when reopen_channel() is called.
    Queue declare(const QueueOptions& options);

    /// queue.bind. `arguments` are for exchanges that route by them, such as headers exchanges.
    void bind(const std::string& queue, const Address& source, const Table& arguments = {});

    /// Opens a channel in the place of one that the broker has closed.
    void reopen_channel();

    /// Connects again, as the constructor does; what was sent and not answered is forgotten. Where a connection is lost
    /// again at once, that counts as one more failure to connect.
    void reopen();

    /// Calls `use`. Whenever the connection is lost in it and there is a retry_for, reopens it and calls `use` again.
    void with_reconnect(const std::function<void()>& use);

    /// `error` is that the connection was lost, and it is to be reopened rather than given up: never after an interrupt.
    [[nodiscard]] bool may_reopen(const Error& error) const noexcept;

    /// From now on connecting, reopening and waiting for the answer to a method end by `deadline`, whatever the other
    /// limits are; empty: no such limit. It does not bound wait(), which has a deadline of its own.
    void set_deadline(Deadline deadline) noexcept { options_.deadline = deadline; }

    /// connection.close, and waits for its answer: all that was sent before has then been read by the broker.
    void close();

    /// Sends what is buffered, then waits until one thing the broker sent was handled, a watched descriptor is
    /// ready (its `revents` say how) or the deadline has passed. Throws kind `closed`, `lost` or `interrupted`.
    WaitResult wait(Deadline deadline, std::span<pollfd> watched = {});

    /// Waits for a watched descriptor and keeps heartbeats, but reads nothing: for a caller that can take no more
    /// messages for now. Throws kind `interrupted`.
    WaitResult wait_without_reading(Deadline deadline, std::span<pollfd> watched);

    /// Handles one frame that has been read already, without asking the system for more; false: there was none.
    bool handle_buffered();

    /// The one that it is connected to.
    [[nodiscard]] const Endpoint& endpoint() const noexcept { return endpoints_[current_]; }
    /// The broker's product and version, as it gave them.
    [[nodiscard]] const std::string& server() const noexcept { return server_; }
    /// The broker's reason while it takes no messages from this connection.
    [[nodiscard]] const std::optional<std::string>& blocked() const noexcept { return blocked_; }

private:
    friend class Publisher;
    friend class Consumer;

    struct Awaited;

    /// Sends a method and waits for the one that answers it; `on_reply` sees its decoded arguments.
    void call(const std::string& operation, std::uint32_t method, const void* arguments, std::uint32_t reply,
              const std::function<void(const void*)>& on_reply = {});
    void await_reply(const std::string& operation, std::uint32_t reply,
                     const std::function<void(const void*)>& on_reply = {});
    void await_channel();
    [[nodiscard]] Deadline reply_deadline() const;
    void check_channel() const;
    void send_method(std::uint16_t channel, std::uint32_t method, const void* arguments);
    void encode(const amqp_basic_publish_t_& method, const amqp_basic_properties_t_& properties,
                std::string_view body);
    /// Sends what is buffered once it fills a segment; false: it did not.
    bool flush_batch(Deadline deadline);
    /// Sends what is buffered as far as the socket takes it at once.
    void send_now();
    /// Sends what is buffered; true: what the broker sent meanwhile was handled.
    bool flush(Deadline deadline = {});
    bool read_frame();
    [[nodiscard]] int armed_interrupt() const noexcept {
        return interrupt_reported_ || interrupt_held_ ? -1 : options_.interrupt;
    }
    void report_interrupt(bool interrupted);
    void handle(const amqp_frame_t_& frame);
    void handle_method(const amqp_frame_t_& frame);
    void handle_reply(std::uint32_t method, const void* arguments);
    [[noreturn]] void handle_channel_close(int code, std::string_view text);
    [[noreturn]] void handle_connection_close(int code, std::string_view text);
    void set_blocked(std::optional<std::string> reason);

    void open_any();
    void open(std::size_t endpoint);
    void pause_before_retry(std::chrono::milliseconds pause);

    std::vector<Endpoint> endpoints_;
    std::size_t current_ = 0;
    ConnectionOptions options_;
    std::string server_;
    std::unique_ptr<Retry> retry_;
    std::unique_ptr<Wire> wire_;
    std::unique_ptr<MessageAssembler> assembler_;
    Listener* listener_ = nullptr;
    Awaited* awaited_ = nullptr;
    std::optional<std::string> blocked_;
    std::optional<std::uint32_t> late_reply_;  ///< to a method whose wait was given up
    bool interrupt_reported_ = false;
    bool interrupt_held_ = false;
    bool channel_open_ = false;
};

}  // namespace rabbit
