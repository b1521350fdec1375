#pragma once

#include "rabbit/message.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace receiving {

/// When a message counts as taken off the queue.
enum class AckMode {
    automatic,  ///< once the broker has sent it: at most once
    written,    ///< once the output that holds it was flushed, it was moved, or COMMAND has succeeded: at least once
};

/// What the broker is to be told of a message, or of all up to it.
struct Verdict {
    enum Kind {
        ack,        ///< basic.ack
        ack_up_to,  ///< basic.ack of this message and all before it
        reject,     ///< basic.reject without requeue: dropped or dead-lettered
    };
    std::uint64_t delivery_tag;
    Kind kind;

    bool operator==(const Verdict&) const = default;
};

/// When to tell the broker.
enum class AckTime {
    load,   ///< messages keep coming: many at a time
    pause,  ///< none has come for a moment: all that may be told
    end,    ///< no further message will be asked for
};

struct AckOptions {
    AckMode mode = AckMode::written;
    std::uint16_t prefetch = 0;               ///< the consumer's
    std::optional<std::uint64_t> count = {};  ///< messages wanted
    /// Verdicts are put off so that the broker, which sends a message for each that is acked, never sends more than
    /// `count`. False where nobody knows how many of them will count.
    bool holds_back = true;
    bool from_stream = false;
    bool any_order = false;  ///< a message that is finished does not wait for those before it
};

/// Keeps count of the messages that were handed over, and says what the broker is to be told of them. Each is started,
/// and then finished, passed over, kept or sent back. Does no I/O.
class Acks {
public:
    explicit Acks(const AckOptions& options);

    /// A message was handed over.
    void start(const rabbit::Delivery& delivery);
    /// It was moved, or handled by COMMAND: it counts, and it is to be acked or rejected.
    void finish(std::uint64_t delivery_tag, Verdict::Kind kind = Verdict::ack);
    /// It is to be acked and does not count.
    void pass(std::uint64_t delivery_tag);
    /// It is not to be acked, and goes back to the queue at the end.
    void keep(std::uint64_t delivery_tag);
    /// It has gone back to the queue.
    void send_back(std::uint64_t delivery_tag);

    /// Starts and finishes a message.
    void take(const rabbit::Delivery& delivery);

    /// What the broker is to be told now; the caller tells it.
    std::vector<Verdict> due(AckTime time);
    /// How many messages are to be finished until something is due under load.
    [[nodiscard]] std::uint64_t left_to_batch() const noexcept;
    /// There is something to tell, now or later.
    [[nodiscard]] bool has_ready() const noexcept { return ready() > 0; }

    /// The consumer was started again on another connection. If `come_again`, messages that were not acked are delivered
    /// again and count again. What is finished of those before no longer matters.
    void restarted(bool come_again);
    /// The consumer was started again on the same channel: what is kept no longer counts towards the prefetch.
    void renewed() noexcept { kept_here_ = 0; }

    [[nodiscard]] AckMode mode() const noexcept { return options_.mode; }
    /// The messages that count so far.
    [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; }
    /// As many as `count`.
    [[nodiscard]] bool is_complete() const noexcept { return taken_ == options_.count; }
    /// Not even with those being worked on.
    [[nodiscard]] bool wants_more() const noexcept { return !options_.count || taken_ + working_ < *options_.count; }
    /// Those that were started and of which nothing is known yet.
    [[nodiscard]] std::uint64_t working() const noexcept { return working_; }
    /// Those that are no longer being worked on, whether they count or not.
    [[nodiscard]] std::uint64_t dealt_with() const noexcept { return taken_ + passed_ + kept_; }
    /// Those that the broker waits for because of the consumer's prefetch.
    [[nodiscard]] std::uint64_t unacked() const noexcept { return ready() + working_ + kept_here_; }
    /// Those that fill the prefetch and are kept.
    [[nodiscard]] std::uint64_t kept_here() const noexcept { return kept_here_; }

    /// The place in its stream of the message started last.
    [[nodiscard]] std::optional<std::int64_t> stream_offset() const noexcept { return stream_offset_; }

private:
    bool end_work(std::uint64_t delivery_tag);
    void make_ready(std::uint64_t delivery_tag, Verdict::Kind kind);
    void stop_waiting_for_order();
    [[nodiscard]] std::uint64_t ready() const noexcept { return in_order_ + singly_.size(); }
    [[nodiscard]] std::uint64_t most_now() const;

    AckOptions options_;
    std::uint64_t batch_;  ///< messages told of together under load
    std::uint64_t taken_ = 0;
    std::uint64_t passed_ = 0;
    std::uint64_t kept_ = 0;
    std::uint64_t kept_here_ = 0;
    std::uint64_t working_ = 0;
    std::uint64_t told_ = 0;       ///< the broker was told of them
    std::uint64_t last_tag_ = 0;   ///< of the message started last
    std::uint64_t stale_tag_ = 0;  ///< of the last message of the connection before

    bool any_order_;
    std::uint64_t in_order_ = 0;      ///< messages finished, with none before them that is not
    std::uint64_t in_order_tag_ = 0;  ///< the last one's delivery tag
    std::deque<bool> open_;           ///< those behind them: is it finished?
    std::deque<Verdict> singly_;

    std::uint64_t ready_passed_ = 0;  ///< of those that are ready, the ones that do not count
    std::optional<std::int64_t> stream_offset_;
};

}  // namespace receiving
