#pragma once

#include "connection_flags.hpp"
#include "interruption.hpp"
#include "rabbit/companion.hpp"
#include "rabbit/connection.hpp"
#include "rabbit/publisher.hpp"
#include "verbosity.hpp"

#include <chrono>
#include <cstddef>
#include <string>

namespace receiving {

/// A second connection, to publish on: what happens to its channel does not touch the consumer. While the first
/// connection waits it looks after this one. A loss that cannot be mended is a cli::Failure, so that nobody takes it for
/// one of the first connection.
class Target final : public rabbit::Companion {
public:
    /// Connects; may end by an Error, of kind `interrupted` too. Everything referred to must outlive it. A message that was published when the connection was lost is
    /// published again, if there is a retry_for.
    Target(const std::string& program, const cli::ConnectionFlags& flags, const cli::Verbosity& verbosity,
           int interrupt, Interruption& interruption, rabbit::PublisherOptions options);

    /// rabbit::Publisher::publish().
    void publish(rabbit::Address address, rabbit::Message message);
    /// Why the broker refused what was published last, which is then no longer in flight; empty: it did not.
    [[nodiscard]] const std::string& refusal() const noexcept { return refusal_; }
    [[nodiscard]] std::size_t in_flight() const noexcept { return publisher_.in_flight(); }

    /// A passive queue.declare, after waiting for the confirms of what is in flight. False: there is no such queue.
    bool has_queue(const std::string& name);

    /// connection.close; a broker that does not answer it is given 2 s.
    void close();

    [[nodiscard]] int descriptor() const override { return connection_.descriptor(); }
    [[nodiscard]] rabbit::Deadline due() const override { return tended_at_ + std::chrono::seconds(1); }
    void tend() override;

private:
    bool ask_for_queue(const std::string& name);
    template <class Use>
    void noting_a_refusal(const Use& use);
    rabbit::PublisherOptions with_news(rabbit::PublisherOptions options);

    const std::string& program_;
    Interruption& interruption_;
    rabbit::Connection connection_;
    rabbit::Publisher publisher_;
    std::string refusal_;
    rabbit::Clock::time_point tended_at_ = rabbit::Clock::now();
};

}  // namespace receiving
