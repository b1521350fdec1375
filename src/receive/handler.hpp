#pragma once

#include "ending.hpp"
#include "rabbit/deadline.hpp"
#include "rabbit/message.hpp"
#include "run.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct pollfd;

namespace receiving {

/// What is done with each message: it is printed, moved, or given to COMMAND. That may take a while, and others may be
/// handled meanwhile.
class Handler {
public:
    /// `run` must outlive the handler.
    explicit Handler(Run& run) : run_(run) {}
    virtual ~Handler() = default;
    Handler(const Handler&) = delete;
    Handler& operator=(const Handler&) = delete;

    /// Handles a message and acks it in time. Returns an ending if no further message is to be handled.
    virtual std::optional<Ending> handle(rabbit::Delivery&& delivery) = 0;

    /// Another message can be handled now.
    [[nodiscard]] virtual bool has_room() const { return true; }

    /// What to wait for beside messages, with the wait's results after it. Valid until the next call of another member.
    [[nodiscard]] virtual std::span<pollfd> watched() { return {}; }
    /// When attend() is to be called even if nothing watched is ready.
    [[nodiscard]] virtual rabbit::Deadline due() const { return {}; }
    /// The bytes from the broker that are worth waking for.
    [[nodiscard]] virtual std::size_t least() const { return 1; }
    /// After a wait: does what there is to do. Returns an ending as handle() does.
    virtual std::optional<Ending> attend() { return {}; }

    /// The consumer was started again on another connection: what was left in the queue comes again.
    virtual void restarted() {}

    /// Says something about receiving itself: that it waits, or that it was interrupted.
    virtual void announce(std::string_view line);

    /// No further message is at hand: what was written reaches its reader, now or when it is due().
    virtual void rest() {}
    /// What was written reaches its reader now.
    virtual void flush() {}

    /// Tells the broker what is due of the messages that are done with.
    virtual void settle(AckTime time);

    /// No further message will come: everything that was handled is acked.
    virtual void finish() = 0;

    /// Something has failed: what is under way is left alone or waited for, without output.
    virtual void abandon() {}

    /// How many messages were rejected, sent back or left.
    [[nodiscard]] virtual Tally tally() const { return {}; }

    /// What was done, in a line of its own; empty: nothing that needs to be said.
    [[nodiscard]] virtual std::string summary() const { return {}; }

protected:
    Run& run_;
};

}  // namespace receiving
