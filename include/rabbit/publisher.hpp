#pragma once

#include "rabbit/body.hpp"
#include "rabbit/body_maker.hpp"
#include "rabbit/connection.hpp"
#include "rabbit/listener.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rabbit {

class Window;
struct InFlight;
struct PublishHead;

/// What became of a message.
enum class Outcome {
    confirmed,  ///< the broker has taken responsibility for it
    nacked,     ///< the broker could not or would not take it (a full queue that rejects)
    returned,   ///< no queue was there to take it
    refused,    ///< the broker closed the channel over it; only with PublisherOptions::on_refused
};

/// A message that is no longer in flight. What it refers to lives as long as the call that it is an argument of.
struct Settlement {
    std::uint64_t number;  ///< counted from 1 in the order of publish()
    Outcome outcome;
    int reply_code;  ///< of a return or refusal, else 0
    const std::string& reply_text;
    const Address& address;
    std::string_view body;
    const std::string& content_header;  ///< as it was sent, with the frame around it

    /// Decoded with each call; null: it had none.
    [[nodiscard]] std::shared_ptr<const Properties> properties() const;
};

struct PublisherOptions {
    bool confirm = true;                  ///< false: fire and forget; nothing is settled, nothing returned
    std::size_t window = 10'000;          ///< the most messages in flight
    std::size_t window_bytes = 8U << 20;  ///< the most bytes of bodies in flight; a larger body goes alone
    /// How long to wait without any confirm while messages are in flight; empty: for ever. The time during which the
    /// broker blocks the connection counts, and a broker that unblocks it is given as much time again.
    std::optional<std::chrono::milliseconds> confirm_timeout = {};
    /// The broker closes the channel over a message that it will not take: the exchange is not there or may not be
    /// written to, the user_id is somebody else's, the body is too large. Without this function that is an Error. With
    /// it the channel is opened again, and what is in flight is published again one by one. It is called with the
    /// message refused then, and returns one to publish in its place; empty: it is settled as refused. It must not
    /// publish, and neither must on_settled.
    std::function<std::optional<Message>(const Settlement&)> on_refused = {};
    std::function<void(const Settlement&)> on_settled = {};
    /// Called when the connection was lost, before it is opened again.
    std::function<void(const Error&)> on_lost = {};
    /// Called after a lost connection was opened again, with the number of messages in flight. They are then published
    /// again, so that some may be in a queue twice.
    std::function<void(std::size_t in_flight)> on_reopened = {};
};

/// Publishes mandatory messages with publisher confirms, many in flight. Not thread-safe.
///
///     rabbit::Publisher publisher(connection, {.on_settled = [](const rabbit::Settlement& settled) {
///         std::puts(settled.outcome == rabbit::Outcome::confirmed ? "confirmed" : "not confirmed");
///     }});
///     publisher.publish({.exchange = "", .routing_key = "hello"}, {.body = "Hello World!"});
///     publisher.settle();
///
/// basic.return carries no delivery tag. A returned message is matched to the one in flight that is equal in address,
/// body and properties; messages that are equal in all of them share their fate. Answers to a direct reply-to
/// (https://www.rabbitmq.com/docs/direct-reply-to) are not mandatory, since RabbitMQ would return every one.
///
/// With ConnectionOptions::retry_for, any function that waits reopens a lost connection and publishes again what was in
/// flight. Without confirms nobody knows what that is, so the loss is an error. A nack that comes first after reopening
/// counts as another loss, up to six times: the leader of a replicated queue may have gone down with the connection.
class Publisher final : PublisherListener {
public:
    /// `connection` must outlive the publisher and have no other.
    explicit Publisher(Connection& connection, PublisherOptions options = {});
    ~Publisher();
    Publisher(const Publisher&) = delete;
    Publisher& operator=(const Publisher&) = delete;

    /// Hands a message to the connection, after waiting for room in the window. It leaves with the next full
    /// segment, or with the next wait. Throws the kinds of Connection::wait, `timeout`, and `invalid` for a name or
    /// property that AMQP cannot carry; published() tells whether the message was taken. The body of
    /// `message` is gone in any case.
    void publish(const Address& address, Message&& message);
    /// The same for a body that others may share.
    void publish(const Address& address, Body body, const std::shared_ptr<const Properties>& properties);

    /// Connection::wait that also throws kind `timeout` when confirms are overdue. While 1,000 messages or more are in
    /// flight, confirms may lie in the system for up to ten milliseconds, so that many are read at once.
    WaitResult wait(Deadline deadline, std::span<pollfd> watched = {});

    /// Handles the confirms that have come, without waiting. What is buffered stays so.
    void take_confirms();

    /// Waits until nothing is in flight; false: the deadline passed first.
    bool settle(Deadline deadline = {});

    /// After Connection::reopen_channel(): publishes on over the new channel. What was in flight is forgotten.
    void restart();

    /// The number of messages in flight.
    [[nodiscard]] std::size_t in_flight() const noexcept;
    /// Messages handed to publish() so far.
    [[nodiscard]] std::uint64_t published() const noexcept { return published_; }
    /// The number of the first message not known to be settled; published() + 1 when all are, 1 without confirms.
    [[nodiscard]] std::uint64_t first_unsettled() const noexcept;
    /// The number of the first message in flight of whose body `holds` is true.
    [[nodiscard]] std::optional<std::uint64_t> find_in_flight(
        const std::function<bool(std::string_view body)>& holds) const;

private:
    void select_confirms();
    void await_room(std::size_t bytes);
    [[nodiscard]] const PublishHead& encode(const Address& address,
                                            const std::shared_ptr<const Properties>& properties);
    void append_again(InFlight& sent);
    void flush_full_batch();
    void recover(const Error& error);
    void publish_again();
    void publish_one_by_one();
    void publish_alone();
    std::optional<InFlight> replace_refused(const Error& error);
    void reopen_channel();
    void on_confirm(const Confirm& confirm) override;
    void on_return(Return&& returned) override;
    void on_unblocked() override;
    void settle_one(const InFlight& sent, bool ack) const;
    [[nodiscard]] bool has_room(std::size_t messages, std::size_t bytes) const noexcept;
    [[nodiscard]] std::size_t least_confirms() const noexcept;
    [[nodiscard]] Deadline overdue() const;
    void check_overdue() const;

    Connection& connection_;
    PublisherOptions options_;
    BodyMaker bodies_;
    std::unique_ptr<Window> window_;
    std::uint64_t published_ = 0;
    std::uint64_t republished_ = 0;  ///< a nack up to this tag may mean a queue without a leader, until the first ack
    int early_nacks_ = 0;
    Clock::time_point progress_;  ///< of the last confirm or unblocking, or since when anything is in flight
};

}  // namespace rabbit
