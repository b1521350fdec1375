#pragma once

#include "filter.hpp"
#include "handler.hpp"
#include "run.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace receiving {

/// Hands over to the handler what matches --where. The others stay in the queue, or are taken off it.
class Sieve {
public:
    /// Both must outlive it.
    Sieve(Run& run, Handler& handler) : run_(run), handler_(handler), filter_(run.options.where) {}

    std::optional<Ending> hand_over(rabbit::Delivery&& delivery);

    /// The consumer was started again on another connection: what stays comes again.
    void restarted() { unmatched_ = run_.options.keeps_unmatched() ? 0 : unmatched_; }

    /// Says what staying costs the messages that do not match, if it costs something.
    void warn() const;
    /// How many did not match; empty: all did.
    [[nodiscard]] std::string summary() const;

private:
    Run& run_;
    Handler& handler_;
    Filter filter_;
    std::uint64_t unmatched_ = 0;
};

}  // namespace receiving
