#pragma once

#include "rabbit/connection.hpp"
#include "rabbit/listener.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>

namespace rabbit {

/// What became of a message.
enum class Outcome {
    confirmed,  ///< the broker has taken responsibility for it
    nacked,     ///< the broker could not or would not take it (a full queue that rejects)
    returned,   ///< no queue was there to take it
};

/// A message that is no longer in flight.
struct Settlement {
    std::uint64_t number;  ///< counted from 1 in the order of publish()
    Outcome outcome;
    int reply_code;                ///< of a return, else 0
    const std::string& reply_text;
    const Address& address;
    const Message& message;
};

struct PublisherOptions {
    bool confirm = true;             ///< false: fire and forget; nothing is settled, nothing returned
    std::size_t window = 10'000;     ///< messages in flight at most
    std::size_t window_bytes = 8u << 20;  ///< and their bodies' bytes; a larger body goes alone
    /// How long the broker may leave every message in flight unconfirmed; the time it has the connection blocked
    /// does not count. Empty: for ever.
    std::optional<std::chrono::milliseconds> confirm_timeout;
    std::function<void(const Settlement&)> on_settled = {};
    /// When the connection was lost, before it is opened again.
    std::function<void(const Error&)> on_lost = {};
    /// After a lost connection was opened again, before the messages that were in flight, so many, are published
    /// again: some of them may be in a queue twice then.
    std::function<void(std::size_t in_flight)> on_reopened = {};
};

/// Publishes mandatory messages with publisher confirms, many in flight.
///
/// A message's number is what ties it to its outcome. basic.return names no message, so a return is taken to be that
/// of the first message in flight with its address and body: the broker returns in the order of publishing, and two
/// messages equal in both share their fate.
///
/// With ConnectionOptions::retry_for a connection that is lost is opened again by whatever function of the publisher
/// waits, and what was in flight is published again; without confirms nobody knows what that is, and it stays lost. Where
/// the first thing that the broker says to it is a nack, that is taken for another loss a few times: a queue whose leader
/// went down may not have a new one yet.
class Publisher final : Listener {
public:
    /// `connection` must outlive the publisher and have no other publisher or consumer.
    explicit Publisher(Connection& connection, PublisherOptions options = {});
    ~Publisher();
    Publisher(const Publisher&) = delete;
    Publisher& operator=(const Publisher&) = delete;

    /// Hands a message to the connection, after waiting for room in the window. It leaves with the next full
    /// segment, or when something is waited for. Throws kind `timeout` beside those of Connection::wait, and
    /// `invalid` for a name or property that AMQP cannot carry; published() tells whether the message was taken.
    void publish(Address address, Message message);

    /// Connection::wait that throws kind `timeout` when confirms are overdue.
    WaitResult wait(Deadline deadline, std::span<pollfd> watched = {});

    /// Waits until nothing is in flight; false: the deadline passed first.
    bool settle(Deadline deadline = {});

    [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_.size(); }
    /// Messages handed to publish() so far.
    [[nodiscard]] std::uint64_t published() const noexcept { return published_; }
    /// The number of the first message not known to be settled; published() + 1 when all are, 1 without confirms.
    [[nodiscard]] std::uint64_t first_unsettled() const noexcept;
    /// The number of the first message in flight of which `holds` is true.
    [[nodiscard]] std::optional<std::uint64_t> find_in_flight(const std::function<bool(const Message&)>& holds) const;

private:
    struct InFlight {
        std::uint64_t number;
        Address address;
        Message message;
        bool settled = false;
        int reply_code = 0;  ///< not 0: returned
        std::string reply_text = {};
    };

    void select_confirms();
    void encode(const InFlight& message);
    void recover(const Error& error);
    void publish_again();
    void on_confirm(const Confirm& confirm) override;
    void on_return(Return returned) override;
    void on_unblocked() override;
    void settle_one(InFlight& message, bool ack);
    [[nodiscard]] bool has_room(std::size_t bytes) const noexcept;
    [[nodiscard]] Deadline overdue() const;
    void check_overdue() const;

    Connection& connection_;
    PublisherOptions options_;
    std::deque<InFlight> in_flight_;   ///< in the order of delivery tags, the first being first_tag_
    std::uint64_t first_tag_ = 1;
    std::uint64_t published_ = 0;
    std::size_t in_flight_bytes_ = 0;
    std::uint64_t next_tag_ = 1;       ///< of the message to be encoded next
    std::uint64_t republished_ = 0;    ///< up to this tag a nack may mean a queue without a leader, until something is acked
    int early_nacks_ = 0;
    std::uint64_t return_cursor_ = 1;  ///< the delivery tag from which on a return is looked for
    Clock::time_point progress_;       ///< when a confirm last came, or the first message in flight left
};

}  // namespace rabbit
