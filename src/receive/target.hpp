#pragma once

#include "connection_flags.hpp"
#include "interruption.hpp"
#include "options.hpp"
#include "rabbit/companion.hpp"
#include "rabbit/connection.hpp"
#include "rabbit/publisher.hpp"
#include "verbosity.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace receiving {

/// A second connection, to publish on: what happens to its channel does not touch the consumer. While the first
/// connection waits it looks after this one. A loss that cannot be mended is a cli::Failure, so that nobody takes it for
/// one of the first connection.
class Target final : public rabbit::Companion {
public:
    using Listener = std::function<void(const rabbit::Settlement&)>;
    using Replace = std::function<std::optional<rabbit::Message>(const rabbit::Settlement&)>;

    /// Connects, for as long as the deadline allows; may end by an Error, of kind `interrupted` too. Everything referred
    /// to must outlive it. Messages that are in flight when the connection is lost are published again, if there is a
    /// retry_for.
    Target(const std::string& program, const cli::ConnectionFlags& flags, const cli::Verbosity& verbosity,
           int interrupt, Interruption& interruption, rabbit::Deadline deadline = {});
    /// Connecting is done: the deadline is no longer for what comes.
    void lift_deadline() noexcept { connection_.set_deadline({}); }

    /// Calls `listener` with what became of each message, and `replace` as rabbit::PublisherOptions::on_refused.
    void listen(Listener listener, Replace replace = {}) {
        listener_ = std::move(listener);
        replace_ = std::move(replace);
    }

    /// rabbit::Publisher::publish(), with room for any number of messages in flight. The message leaves with a full batch,
    /// or a moment later.
    void publish(const rabbit::Address& address, rabbit::Message message);
    /// Publishes a message and waits in `source`, whose companion it is, for what becomes of it. Once a signal has come
    /// or `ends_at` has passed, it waits for 2 s at most. Returns why the broker did not take it, as in "it was nacked";
    /// empty: it did. `returned` is called when nobody was there to take it, which counts as taken.
    std::optional<std::string> publish_and_wait(rabbit::Connection& source, const rabbit::Address& address,
                                                rabbit::Message message, rabbit::Deadline ends_at,
                                                const Listener& returned);

    [[nodiscard]] std::size_t in_flight() const noexcept { return publisher_.in_flight(); }
    /// A signal has ended the attempts to open a lost connection again: nothing can be published any more.
    [[nodiscard]] bool given_up() const noexcept { return given_up_; }

    /// A passive queue.declare, after waiting for the confirms of what is in flight. False: there is no such queue.
    bool has_queue(const std::string& name);
    /// The same for an exchange.
    bool has_exchange(const std::string& name);

    [[nodiscard]] const rabbit::Endpoint& endpoint() const noexcept { return connection_.endpoint(); }

    /// connection.close; a broker that does not answer it is given 2 s.
    void close();

    [[nodiscard]] int descriptor() const override { return given_up_ ? -1 : connection_.descriptor(); }
    [[nodiscard]] rabbit::Deadline due() const override {
        return rabbit::earlier(unsent_due_, tended_at_ + std::chrono::seconds(1));
    }
    void tend() override;

private:
    bool has(const std::function<void()>& declare);
    bool ask(const std::function<void()>& declare);
    rabbit::PublisherOptions publisher_options();

    const std::string& program_;
    Interruption& interruption_;
    Listener listener_;
    Replace replace_;
    bool given_up_ = false;
    rabbit::Connection connection_;
    rabbit::Publisher publisher_;
    rabbit::Clock::time_point tended_at_ = rabbit::Clock::now();
    rabbit::Deadline unsent_due_;  ///< when what was published leaves also without a full batch
};

/// The connection that `options` need to publish on; null: they need none. Throws cli::Failure if what messages are to be
/// moved to is not there. The rest as for the constructor; the deadline is for connecting and looking for it.
std::unique_ptr<Target> open_target(const std::string& program, const Options& options, int interrupt,
                                    Interruption& interruption, rabbit::Deadline deadline);

}  // namespace receiving
