#pragma once

#include "foreign_users.hpp"
#include "run.hpp"

#include <cstdint>
#include <string>

namespace receiving {

/// How often COMMAND has failed on a message. A quorum queue counts that itself. For another queue it stands in a header:
/// the message goes back as a copy with a higher number, to the back of the queue.
class Attempts {
public:
    static constexpr auto header = "x-attempts";

    /// `run` must outlive it. Without a target only failed() may be called.
    explicit Attempts(Run& run);
    Attempts(const Attempts&) = delete;
    Attempts& operator=(const Attempts&) = delete;

    /// The failed attempts on a message, with the one that has just failed.
    [[nodiscard]] std::uint64_t failed(const rabbit::Delivery& delivery) const;

    /// Sends the message back to its queue, so that the next attempt has the next number. If no copy can be published, it
    /// says so, and the message goes back as it was: this attempt does not count.
    void send_back(const rabbit::Delivery& delivery);

private:
    Run& run_;
    ForeignUsers foreign_users_;
};

}  // namespace receiving
