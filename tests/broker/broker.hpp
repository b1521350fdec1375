#pragma once

#include "codec/amqp.hpp"
#include "rabbit/connection.hpp"
#include "rabbit/error.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace broker {

using namespace std::chrono_literals;

/// For what must happen: long enough for a slow machine, short enough for a test that hangs to be told of.
constexpr auto patience = 60s;

inline rabbit::Deadline in(rabbit::Clock::duration duration) {
    return rabbit::Clock::now() + duration;
}

/// A second connection to the broker that shares no code with the library but the table codec: plain rabbitmq-c, one
/// call after another. What goes wrong with it throws std::runtime_error.
class Witness {
public:
    explicit Witness(const rabbit::Endpoint& endpoint);
    ~Witness();
    Witness(const Witness&) = delete;
    Witness& operator=(const Witness&) = delete;

    struct Options {
        bool durable = false;
        bool exclusive = false;
        rabbit::Table arguments;
    };
    void declare(const std::string& queue, const Options& options);
    void declare(const std::string& queue) { declare(queue, {.durable = false, .exclusive = false, .arguments = {}}); }
    void bind(const std::string& queue, const std::string& exchange, const std::string& key);
    void remove(const std::string& queue);
    /// Messages that are ready in the queue, those that this witness published among them.
    std::uint32_t count(const std::string& queue);

    void publish(const std::string& exchange, const std::string& key, std::string_view body,
                 const amqp_basic_properties_t* properties = nullptr);

    struct Got {
        std::string body;
        rabbit::Address address;
        bool redelivered;
        std::shared_ptr<const rabbit::Properties> properties;
    };
    /// Takes the first message out of the queue; with `ack` false it goes back when the witness ends.
    std::optional<Got> get(const std::string& queue, bool ack = true);

private:
    static void check(const amqp_rpc_reply_t& reply, std::string_view what);
    /// Waits until the broker has confirmed what was published.
    void settle();

    amqp_connection_state_t state_;
    std::uint64_t published_ = 0;
    std::set<std::uint64_t> unconfirmed_;
};

/// The bodies of the `count` messages that the queue holds, in order.
std::vector<std::string> take(const rabbit::Endpoint& endpoint, const std::string& queue, std::uint32_t count);

/// A pipe.
class Pipe {
public:
    Pipe();
    ~Pipe();
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    [[nodiscard]] int read_end() const noexcept { return ends_[0]; }
    /// Makes the read end readable.
    void write(char what = '\0');

private:
    int ends_[2] = {-1, -1};
};

/// Between clients, one at a time, and the broker: passes on what they say until it is told not to.
class Proxy {
public:
    explicit Proxy(const rabbit::Endpoint& broker);
    ~Proxy();
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;

    /// The broker, by way of this.
    [[nodiscard]] rabbit::Endpoint endpoint() const;
    /// From now on the client hears nothing of the broker, and the other way round, but stays connected.
    void hold();
    /// Closes both connections. The next client is served as this one was at first.
    void cut();

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

/// A test with a broker (AMQP_URL), the name of a queue that is nobody else's, and a witness. Without AMQP_URL it is
/// skipped, or fails if HELLO_RABBIT_REQUIRE_BROKER is 1.
class Test : public testing::Test {
protected:
    void SetUp() override;
    void TearDown() override;

    [[nodiscard]] static rabbit::Endpoint endpoint();
    /// Logged in as hello-rabbit's tests.
    [[nodiscard]] static rabbit::Connection connect(rabbit::ConnectionOptions options = {});

    /// Not declared yet; deleted afterwards.
    [[nodiscard]] const std::string& queue() const { return queue_; }
    /// Declares queue(), for a test that is not about declaring.
    void declare_queue();
    Witness& witness() { return *witness_; }
    /// Waits until queue() holds so many messages; what other connections did may take a moment to show.
    void await_count(std::uint32_t count);

private:
    std::string queue_;
    std::unique_ptr<Witness> witness_;
};

/// The error that `action` throws; a failure if it throws none.
rabbit::Error error_of(const std::function<void()>& action);

}  // namespace broker
