#pragma once

#include "rabbit/message.hpp"

#include <cstdint>
#include <optional>

namespace receiving {

/// When a message counts as taken off the queue.
enum class AckMode {
    automatic,  ///< once the broker has sent it: at most once
    written,    ///< once the output that holds it was flushed, or COMMAND has succeeded: at least once
};

/// Counts the messages taken and says which of them are to be acked. Does no I/O.
class Acks {
public:
    /// `prefetch` is the consumer's. With `count`, acks hold back so many messages that the broker, which sends one for
    /// each that is acked, never sends more than are wanted. `from_stream`: the queue is a stream.
    Acks(AckMode mode, std::uint16_t prefetch, std::optional<std::uint64_t> count, bool from_stream);

    /// A message was printed, or handled by COMMAND.
    void take(const rabbit::Delivery& delivery);

    /// The delivery tag up to which to ack under load: many at a time. Empty: nothing yet.
    [[nodiscard]] std::optional<std::uint64_t> due() const;
    /// The same when no message has come for a moment.
    [[nodiscard]] std::optional<std::uint64_t> due_at_pause() const;
    /// The same when no further message will be asked for.
    [[nodiscard]] std::optional<std::uint64_t> due_at_end() const;
    /// basic.ack was sent for everything up to `delivery_tag`.
    void acked(std::uint64_t delivery_tag);

    /// The consumer was started again. If `come_again`, messages that were not acked are delivered again and count again.
    void restarted(bool come_again);

    [[nodiscard]] AckMode mode() const noexcept { return mode_; }
    /// The messages taken so far.
    [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; }
    /// Of those, the messages that are not acked yet.
    [[nodiscard]] std::uint64_t unacked() const noexcept { return taken_ - acked_; }
    /// As many as `count`.
    [[nodiscard]] bool is_complete() const noexcept { return taken_ == count_; }
    /// The next message taken is the last one wanted.
    [[nodiscard]] bool wants_one_more() const noexcept { return taken_ + 1 == count_; }

    /// The place in its stream of the message taken last.
    [[nodiscard]] std::optional<std::int64_t> stream_offset() const noexcept { return stream_offset_; }

private:
    [[nodiscard]] std::optional<std::uint64_t> up_to(std::uint64_t messages) const;

    AckMode mode_;
    std::optional<std::uint64_t> count_;
    std::uint64_t batch_;      ///< messages acked together under load
    std::uint64_t held_back_;  ///< messages at the end of `count` that are acked last
    std::uint64_t taken_ = 0;
    std::uint64_t acked_ = 0;     ///< of those taken
    std::uint64_t last_tag_ = 0;  ///< the delivery tag of the message taken last
    bool from_stream_;
    std::optional<std::int64_t> stream_offset_;
};

}  // namespace receiving
