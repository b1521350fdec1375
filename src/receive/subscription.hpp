#pragma once

#include "options.hpp"
#include "rabbit/consumer.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace receiving {

/// What `receive` consumes from: the queue, declared and bound as the options say, and the consumer on it.
class Subscription {
public:
    /// Starts the consumer; again where the connection is lost meanwhile and may be reopened.
    Subscription(rabbit::Connection& connection, const Options& options);

    [[nodiscard]] rabbit::Consumer& consumer() noexcept { return *consumer_; }

    /// Cancels the consumer, once.
    void cancel();

    /// After Connection::reopen(): all of it again. A stream is read on from behind `stream_offset`.
    void resume(std::optional<std::int64_t> stream_offset);

    /// Nothing is ready in the queue and nothing is on its way.
    bool is_empty();

private:
    std::string take_queue();
    void start();
    void consume(const std::string& queue, rabbit::Table arguments);

    rabbit::Connection& connection_;
    const Options& options_;
    std::optional<rabbit::Consumer> consumer_;
    bool cancelled_ = false;
};

}  // namespace receiving
