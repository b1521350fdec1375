#pragma once

#include "rabbit/companion.hpp"
#include "rabbit/connection_options.hpp"
#include "rabbit/deadline.hpp"
#include "rabbit/endpoint.hpp"
#include "rabbit/exchange.hpp"
#include "rabbit/message.hpp"
#include "rabbit/queue.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

struct pollfd;

namespace rabbit {

class Channel;
class Error;
class Interrupt;
class Retry;
class Stream;

/// Opens the byte stream to an endpoint; private to the library and its tests (src/rabbit/net/stream.hpp).
using StreamOpener = std::function<std::unique_ptr<Stream>(const Endpoint&, TimeLimit, Interrupt&)>;

/// A connection to a broker, with its one channel, open from construction on. Not thread-safe.
///
///     rabbit::Connection connection(rabbit::Endpoint::parse("amqp://localhost"));
///     connection.declare({.name = "hello"});
///     rabbit::Publisher publisher(connection);
///     publisher.publish({.exchange = "", .routing_key = "hello"}, {.body = "Hello World!"});
///     publisher.settle();
///     connection.close();
///
/// Heartbeats are kept while a function of this class waits, and only then: a caller that waits for something else
/// waits for it in wait(), as a watched descriptor. After an Error of any kind but `invalid`, `interrupted`, and
/// `closed` by a channel, the connection can only be reopened or destroyed.
class Connection {
public:
    /// Connects to the first of the endpoints, the nodes of one cluster, that answers, and opens a channel. Throws kind
    /// `unreachable` when none does for as long as options.retry_for, `refused` at once when one does not let this
    /// client in, since trying again will not mend that, or `interrupted`.
    explicit Connection(std::vector<Endpoint> endpoints, ConnectionOptions options = {});
    explicit Connection(Endpoint endpoint, ConnectionOptions options = {});
    /// The same over streams that `open_stream` gives instead of the network: for tests.
    Connection(std::vector<Endpoint> endpoints, ConnectionOptions options, StreamOpener open_stream);
    /// Closes the socket without connection.close; call close() first to end in order.
    ~Connection();
    Connection(Connection&&) noexcept;
    Connection& operator=(Connection&&) noexcept;

    /// queue.declare. An Error of kind `closed` leaves the connection usable when reopen_channel() is called.
    Queue declare(const QueueOptions& options);

    /// queue.bind. `arguments` are for exchanges that route by them, such as headers exchanges.
    void bind(const std::string& queue, const Address& source, const Table& arguments = {});

    /// exchange.declare.
    void declare_exchange(const ExchangeOptions& options);

    /// queue.purge: removes the messages that are ready for delivery. Returns how many there were.
    std::uint32_t purge(const std::string& queue);

    /// Opens a channel in the place of one that the broker has closed.
    void reopen_channel();

    /// Connects again, as the constructor does; what was sent and not answered is forgotten. A connection that is lost
    /// again at once counts as one more failure to connect.
    void reopen();

    /// Calls `use`. Whenever the connection is lost in it and may_reopen(), reopens it and calls `use` again.
    void with_reconnect(const std::function<void()>& use);

    /// `error` says that the connection was lost, and it is to be reopened rather than given up: there is a retry_for,
    /// there was no interrupt, and the time is not up.
    [[nodiscard]] bool may_reopen(const Error& error) const noexcept;

    /// From now on connecting, reopening and waiting for the answer to a method end by `deadline`, whatever the other
    /// limits are; empty: no such limit. An answer that is not there by then is an Error of kind `lost`; the connection
    /// can still be closed, with a later deadline. It does not bound wait(), which has a deadline of its own.
    void set_deadline(Deadline deadline) noexcept;

    /// connection.close, and waits for its answer: all that was sent before has then been read by the broker.
    void close();

    /// Sends what is buffered, then waits until one thing the broker sent was handled, a watched descriptor is
    /// ready (its `revents` say how) or the deadline has passed. Throws kind `closed`, `lost` or `interrupted`.
    ///
    /// Fewer than `least` bytes from the broker are left in the system for up to ten milliseconds, but not beyond the
    /// deadline, so that what comes little by little is read at once.
    WaitResult wait(Deadline deadline, std::span<pollfd> watched = {}, std::size_t least = 1);

    /// Waits for a watched descriptor and keeps heartbeats, but reads nothing: for a caller that can take no more
    /// messages for now. Throws kind `interrupted`.
    WaitResult wait_without_reading(Deadline deadline, std::span<pollfd> watched);

    /// Looks after `companion`, too, in wait() and wait_without_reading(), which come back as for a watched descriptor
    /// when it had something to do. It must outlive the connection, or null take its place.
    void set_companion(Companion* companion) noexcept;

    /// Readable when the broker has sent something.
    [[nodiscard]] int descriptor() const noexcept;

    /// The endpoint that it is connected to.
    [[nodiscard]] const Endpoint& endpoint() const noexcept { return endpoints_[current_]; }
    /// The broker's product and version, as it gave them.
    [[nodiscard]] const std::string& server() const noexcept { return server_; }
    /// The broker's reason while it takes no messages from this connection.
    [[nodiscard]] const std::optional<std::string>& blocked() const noexcept;

private:
    friend class Publisher;  // they take the channel, and nothing else
    friend class Consumer;
    friend class Getter;
    [[nodiscard]] Channel& channel() noexcept { return *channel_; }

    void open_any();
    void open(const Endpoint& endpoint);
    void pause_before_retry(std::chrono::milliseconds pause);

    std::vector<Endpoint> endpoints_;
    std::size_t current_ = 0;
    std::string server_;
    std::unique_ptr<ConnectionOptions> options_;  ///< where the channel finds them, too
    StreamOpener open_stream_;
    std::unique_ptr<Interrupt> interrupt_;
    std::unique_ptr<Retry> retry_;
    std::unique_ptr<Channel> channel_;
};

}  // namespace rabbit
