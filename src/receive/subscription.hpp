#pragma once

#include "acks.hpp"
#include "options.hpp"
#include "rabbit/consumer.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace receiving {

/// What `receive` consumes from: the queue, declared and bound as the options say, and the consumer on it. It knows what
/// becomes of messages that are given back (docs/acks.md).
class Subscription {
public:
    /// Starts the consumer; again where the connection is lost meanwhile and may be reopened. Throws cli::Failure of code
    /// `usage` if the queue is a stream and the options do not say so, or the other way round.
    Subscription(rabbit::Connection& connection, const Options& options);

    [[nodiscard]] rabbit::Consumer& consumer() noexcept { return *consumer_; }

    /// The maximum number of unacknowledged messages.
    [[nodiscard]] std::uint16_t prefetch() const noexcept { return prefetch_; }

    /// Cancels the consumer, once.
    void cancel();

    /// After Connection::reopen(): declares, binds and consumes again; a stream from the message after `stream_offset`.
    void resume(std::optional<std::int64_t> stream_offset);

    /// The number of messages in the queue that are ready to be delivered.
    std::uint32_t ready();
    /// Nothing is ready in the queue and nothing is on its way. A queue in doubt is believed after 10 s.
    bool is_empty();

    /// Cancels the consumer and starts another with twice the prefetch: the messages of the first stay unacknowledged. A
    /// quorum queue takes them back in order as long as there were few consumers.
    void renew();

    /// Tells the broker what becomes of messages.
    void tell(const std::vector<Verdict>& verdicts);

    /// Call it after the last tell(). Waits until acks one by one have reached a quorum queue: its client in the broker holds
    /// back those beyond the first 32, and forgets them when the channel ends.
    void await_acks();

    /// The messages that were in the queue when the consumer was started, or a few more; only known with --drain and a
    /// target.
    [[nodiscard]] std::uint64_t depth() const noexcept { return depth_; }

    /// The broker counts a failed delivery of each message that is given back, whatever the way.
    [[nodiscard]] bool giving_back_counts() const noexcept { return giving_back_counts_; }
    /// What was fetched and not printed is printed, too, since giving it back counts.
    [[nodiscard]] bool prints_the_last() const noexcept;

    /// The queue counts failed deliveries in the header x-delivery-count.
    [[nodiscard]] bool counts_deliveries() const noexcept { return type_ == "quorum"; }
    /// The header that the queue adds to messages it delivers; empty: none, or none that is known.
    [[nodiscard]] std::string_view delivery_mark() const noexcept;

    /// Call it before cancel(). Waits until all messages are here that were sent in place of acked ones: a quorum queue takes
    /// back those that cross basic.cancel, out of order and, before RabbitMQ 4.3, as failed deliveries. `unacked`
    /// messages were handed out and not acked.
    void await_prefetched(std::uint64_t unacked);

    /// Gives back, in order, all that was fetched and not acked. Where it would count either way, this is left to the
    /// end of the connection, which keeps the order also where basic.nack does not
    /// (https://github.com/rabbitmq/rabbitmq-server/issues/3776).
    void give_back();
    /// Gives back one message, as a failed delivery; by the end of the connection as above.
    void give_back_failed(std::uint64_t delivery_tag);
    /// Gives back one message, as a failed delivery, while others are still wanted.
    void send_back(std::uint64_t delivery_tag);

private:
    void start();
    void learn_type(const std::string& queue);
    void limit_prefetch();
    void consume_from(const std::string& queue, const std::function<void()>& consume);
    void consume(const std::string& queue, rabbit::Table arguments);
    [[nodiscard]] rabbit::Table arguments_after(std::optional<std::int64_t> stream_offset) const;
    void await_what_was_sent_back();
    [[nodiscard]] bool can_give_back_freely() const;

    rabbit::Connection& connection_;
    const Options& options_;
    std::uint16_t prefetch_;
    std::string type_;  ///< of the queue, where it matters; empty: not known
    std::uint64_t depth_ = 0;
    std::uint64_t told_singly_ = 0;  ///< verdicts
    bool giving_back_counts_ = false;
    std::optional<rabbit::Consumer> consumer_;
    bool cancelled_ = false;
    bool sent_back_ = false;  ///< something, since is_empty() was last asked
    rabbit::Deadline doubtful_until_;
};

}  // namespace receiving
