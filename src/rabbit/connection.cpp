#include "rabbit/connection.hpp"

#include "channel.hpp"
#include "codec/table_codec.hpp"
#include "login.hpp"
#include "net/poll.hpp"
#include "queue_declaration.hpp"
#include "rabbit/error.hpp"
#include "retry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rabbit {

Connection::Connection(std::vector<Endpoint> endpoints, ConnectionOptions options)
    : Connection(std::move(endpoints), std::move(options), &rabbit::open_stream) {}

Connection::Connection(Endpoint endpoint, ConnectionOptions options)
    : Connection(std::vector<Endpoint>{std::move(endpoint)}, std::move(options)) {}

Connection::Connection(std::vector<Endpoint> endpoints, ConnectionOptions options, StreamOpener open_stream)
    : endpoints_(std::move(endpoints)),
      options_(std::make_unique<ConnectionOptions>(std::move(options))),
      open_stream_(std::move(open_stream)),
      interrupt_(std::make_unique<Interrupt>(options_->interrupt)),
      retry_(std::make_unique<Retry>(options_->retry_for, options_->longest_pause)),
      channel_(std::make_unique<Channel>(*options_, *interrupt_)) {
    if (endpoints_.empty()) {
        throw Error(ErrorKind::invalid, "cannot connect", "there is no endpoint to connect to");
    }
    reopen();
}

Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;

void Connection::reopen() {
    for (auto pause = retry_->begin(options_->deadline);;) {
        pause_before_retry(pause);
        try {
            open_any();
            retry_->opened();
            return;
        } catch (const Error& error) {
            const bool may_mend = error.kind() == ErrorKind::unreachable || error.kind() == ErrorKind::lost;
            const auto next = may_mend ? retry_->next_pause() : std::nullopt;
            if (!next) {
                throw;
            }
            pause = *next;
            if (options_->on_retry) {
                options_->on_retry(error, pause);
            }
        }
    }
}

void Connection::with_reconnect(const std::function<void()>& use) {
    for (;;) {
        try {
            use();
            return;
        } catch (const Error& error) {
            if (!may_reopen(error)) {
                throw;
            }
        }
        reopen();
    }
}

bool Connection::may_reopen(const Error& error) const noexcept {
    return error.kind() == ErrorKind::lost && !interrupt_->reported() && retry_->allowed() &&
           !passed(options_->deadline);
}

void Connection::set_deadline(Deadline deadline) noexcept {
    options_->deadline = deadline;
}

/// Tries each endpoint once, beginning with the one that worked last; what it throws names them all.
void Connection::open_any() {
    std::vector<Error> failures;
    while (failures.size() < endpoints_.size() && (failures.empty() || !passed(options_->deadline))) {
        try {
            open(endpoint());
            if (options_->on_passed_over) {
                std::for_each(failures.begin(), failures.end(), options_->on_passed_over);
            }
            return;
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::unreachable && error.kind() != ErrorKind::lost) {
                throw;
            }
            failures.push_back(error);
            current_ = (current_ + 1) % endpoints_.size();
        }
    }
    auto cause = failures.front().cause();
    for (std::size_t i = 1; i < failures.size(); ++i) {
        cause += fmt::format("; {}", failures[i].what());
    }
    throw Error(ErrorKind::unreachable, failures.front().operation(), cause, failures.back().reply_code());
}

void Connection::open(const Endpoint& endpoint) {
    auto timeout = endpoint.connect_timeout.value_or(options_->connect_timeout);
    if (options_->deadline) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*options_->deadline - Clock::now());
        timeout = std::clamp(left, std::chrono::milliseconds(0), timeout);
    }
    const TimeLimit limit(timeout);
    auto wire = std::make_unique<Wire>(endpoint.name(), open_stream_(endpoint, limit, *interrupt_));
    auto& attached = *wire;
    channel_->attach(endpoint.name(), std::move(wire));
    server_ = log_in(*channel_, attached, endpoint, *options_, limit);
    try {
        channel_->await_open();
    } catch (const Error& error) {
        if (!options_->declare || error.kind() != ErrorKind::closed) {
            throw;
        }
        // RabbitMQ may close the connection over the queue before it has opened the channel. If it was over the channel,
        // it will do so again; otherwise declare() asks again, and throws what comes of it.
        options_->declare.reset();
        open(endpoint);
    }
}

void Connection::pause_before_retry(std::chrono::milliseconds pause) {
    const auto until = Clock::now() + pause;
    while (Clock::now() < until) {
        wait_ready(-1, 0, until, *interrupt_, fmt::format("gave up connecting to {}", endpoint().name()));
    }
}

void Connection::reopen_channel() {
    channel_->open();
}

Queue Connection::declare(const QueueOptions& options) {
    channel_->check_open();
    const bool asked_for = options_->declare == options && channel_->claim_first_reply();
    options_->declare.reset();
    if (!asked_for) {
        append_declare(*channel_, options);
    }
    return await_declared(*channel_, options);
}

void Connection::bind(const std::string& queue, const Address& source, const Table& arguments) {
    check_short_string("exchange name", source.exchange);
    check_short_string("routing key", source.routing_key);
    const TableView view_of_arguments(arguments);
    amqp_queue_bind_t bind{};
    bind.queue = to_amqp(queue);
    bind.exchange = to_amqp(source.exchange);
    bind.routing_key = to_amqp(source.routing_key);
    bind.arguments = view_of_arguments.get();
    channel_->call<amqp_queue_bind_ok_t>(fmt::format("cannot bind queue '{}' to exchange '{}'", queue, source.exchange),
                                         bind);
}

void Connection::declare_exchange(const ExchangeOptions& options) {
    check_short_string("exchange name", options.name);
    check_short_string("exchange type", options.type);
    const TableView arguments(options.arguments);
    amqp_exchange_declare_t declare{};
    declare.exchange = to_amqp(options.name);
    declare.type = to_amqp(options.type);
    declare.passive = options.passive;
    declare.durable = options.durable;
    declare.arguments = arguments.get();
    channel_->call<amqp_exchange_declare_ok_t>(fmt::format("cannot declare exchange '{}'", options.name), declare);
}

std::uint32_t Connection::purge(const std::string& queue) {
    check_short_string("queue name", queue);
    amqp_queue_purge_t purge{};
    purge.queue = to_amqp(queue);
    std::uint32_t messages = 0;
    channel_->call<amqp_queue_purge_ok_t>(fmt::format("cannot purge queue '{}'", queue), purge,
                                          [&messages](const auto& ok) { messages = ok.message_count; });
    return messages;
}

void Connection::set_companion(Companion* companion) noexcept {
    channel_->set_companion(companion);
}

int Connection::descriptor() const noexcept {
    return channel_->descriptor();
}

void Connection::close() {
    channel_->close_connection();
}

WaitResult Connection::wait(Deadline deadline, std::span<pollfd> watched, std::size_t least) {
    return channel_->wait(deadline, watched, least);
}

WaitResult Connection::wait_without_reading(Deadline deadline, std::span<pollfd> watched) {
    return channel_->wait_without_reading(deadline, watched);
}

const std::optional<std::string>& Connection::blocked() const noexcept {
    return channel_->blocked();
}

}  // namespace rabbit
