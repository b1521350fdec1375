#pragma once

#include "rabbit/connection.hpp"
#include "rabbit/listener.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace rabbit {

/// The arguments of basic.qos and basic.consume (AMQP 0-9-1, section 1.8.3 of the generated reference).
struct ConsumerOptions {
    std::string queue;
    std::string consumer_tag = {};  ///< empty: the broker makes one up
    bool no_ack = true;             ///< the broker counts a message as taken once it is sent
    bool exclusive = false;
    std::uint16_t prefetch = 0;  ///< messages sent and not yet acked at most; 0: no limit; ignored with no_ack
    Table arguments = {};
};

/// A consumer, started by construction and stopped by cancel() or with its connection. Not thread-safe.
///
///     rabbit::Consumer consumer(connection, {.queue = "hello", .no_ack = false, .prefetch = 100});
///     while (const auto delivery = consumer.next(rabbit::Clock::now() + std::chrono::seconds(10))) {
///         std::puts(delivery->message.body.c_str());
///         consumer.ack(delivery->delivery_tag);
///     }
class Consumer final : ConsumerListener {
public:
    /// Returns once the broker has accepted the consumer. `connection` must outlive it and have no other.
    Consumer(Connection& connection, ConsumerOptions options);
    ~Consumer();
    Consumer(const Consumer&) = delete;
    Consumer& operator=(const Consumer&) = delete;

    /// After Connection::reopen(): consumes again, from `queue` and with other arguments. Messages that had arrived and
    /// were to be acked are forgotten, since the broker delivers them again; acking those handed out before has no
    /// effect. Delivery tags go on rising.
    void resume(std::string queue, Table arguments = {});

    /// Cancels the consumer and starts another on the same channel, under a tag of its own. What was delivered and not
    /// acked stays so, and does not count towards `prefetch`, which is the new consumer's: the way on for a caller that
    /// keeps messages.
    void renew(std::uint16_t prefetch);

    /// Returns once the queue has done what this channel asked of it before. For that it starts a second consumer, which a
    /// quorum queue accepts only then, and cancels it. `arguments` are those of the second one and should give it a lower
    /// priority (https://www.rabbitmq.com/docs/consumer-priority), so that messages go on coming to the first. What the
    /// second one gets all the same is handed out by next(), too. Throws what the constructor throws, and kind `lost` when
    /// the broker does not answer within the reply timeout. Returns at once if the broker has cancelled the consumer, which
    /// next() reports.
    void await_queue(Table arguments);

    /// The next message; empty when the deadline passed, a watched descriptor is ready or, after cancel(), when all
    /// that were on their way have been taken. Throws kind `closed` when the broker cancels the consumer, as it does
    /// when the queue is deleted, and `lost` when it does not answer cancel() within the reply timeout. `least` is that
    /// of Connection::wait().
    std::optional<Delivery> next(Deadline deadline = {}, std::span<pollfd> watched = {}, std::size_t least = 1);

    /// The next message if it has been read from the socket already; asks the system for nothing.
    std::optional<Delivery> next_buffered();

    /// The same without handling what was read: for a caller to whom only another function may report a lost connection.
    std::optional<Delivery> next_arrived();

    /// The number of messages that wait to be handed out.
    [[nodiscard]] std::size_t arrived() const noexcept { return arrived_.size(); }

    /// What queue.declare (passive) tells of the queue. Empty if a message has arrived before the answer: without acks
    /// any number of them may come before it.
    std::optional<Queue> look_at_queue();

    /// Asks the broker to send no more. What is on its way until it says so is still handed out by next(), which
    /// then comes back empty.
    void cancel();

    /// basic.ack of all up to `delivery_tag`, sent at once: the broker waits for it when as many as `prefetch` are out.
    void ack_up_to(std::uint64_t delivery_tag);
    /// basic.ack of one. It leaves when something is waited for.
    void ack(std::uint64_t delivery_tag);
    /// basic.reject of one, as a failed delivery: back to the queue, or (requeue false) dropped or dead-lettered.
    void reject(std::uint64_t delivery_tag, bool requeue);
    /// basic.nack with requeue of every message that was delivered and not acked: back to the queue, in order. From
    /// RabbitMQ 4.3 on, this does not count as a failed delivery (https://www.rabbitmq.com/docs/nack).
    void nack_all();

    [[nodiscard]] const std::string& queue() const noexcept { return options_.queue; }
    /// The broker has ended this consumer: its queue was deleted, the queue's node went down or, from RabbitMQ 4.3 on,
    /// a message was not acked in time (https://www.rabbitmq.com/docs/consumers#acknowledgement-timeout).
    [[nodiscard]] bool cancelled_by_broker() const noexcept { return cancelled_by_broker_; }

private:
    void subscribe();
    std::string subscribe(const ConsumerOptions& options);
    void send_cancel(const std::string& tag);
    void await_cancelled();
    [[nodiscard]] std::string next_tag();
    void send_ack(std::uint64_t delivery_tag, bool multiple);
    void on_delivery(Delivery&& delivery) override;
    void on_cancel(bool by_broker) override;

    Connection& connection_;
    ConsumerOptions options_;
    std::string first_tag_;
    int renewals_ = 0;
    std::deque<Delivery> arrived_;
    std::uint64_t last_tag_ = 0;    ///< of all that arrived
    std::uint64_t tag_offset_ = 0;  ///< from the broker's delivery tags, which begin at 1 again, to those handed out
    bool cancelling_ = false;       ///< by cancel()
    bool cancelled_ = false;        ///< and the broker has said so
    bool cancelled_by_broker_ = false;
};

}  // namespace rabbit
