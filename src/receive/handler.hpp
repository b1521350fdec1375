#pragma once

#include "ending.hpp"
#include "rabbit/message.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace receiving {

/// What is done with each message: it is printed, or given to COMMAND.
class Handler {
public:
    virtual ~Handler() = default;

    /// Handles a message and acks it in time. Returns an ending if no further message is to be handled.
    virtual std::optional<Ending> handle(const rabbit::Delivery& delivery) = 0;

    /// Says something about receiving itself: that it waits, or that it was interrupted.
    virtual void announce(std::string_view line) = 0;

    /// No further message is at hand: what was written reaches its reader.
    virtual void flush() {}

    /// No message has come for a moment: acks that were put off are sent.
    virtual void settle() {}

    /// No further message will come: everything that was handled is acked.
    virtual void finish() {}

    /// Acks are put off until settle().
    [[nodiscard]] virtual bool has_unsettled() const { return false; }

    /// Messages for which COMMAND failed and that were rejected.
    [[nodiscard]] virtual std::uint64_t rejected() const { return 0; }
    /// Messages for which COMMAND failed and that were sent back to the queue.
    [[nodiscard]] virtual std::uint64_t sent_back() const { return 0; }

    /// A descriptor with an error event once nobody reads the output any more; -1: none.
    [[nodiscard]] virtual int reader() const { return -1; }
};

}  // namespace receiving
