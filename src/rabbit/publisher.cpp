#include "rabbit/publisher.hpp"

#include "channel.hpp"
#include "rabbit/error.hpp"
#include "window.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rabbit {
namespace {

/// RabbitMQ returns every mandatory message to a client that waits for an answer, although it delivers it.
bool may_be_mandatory(const Address& address) {
    return !address.exchange.empty() || !is_direct_reply(address.routing_key);
}

}  // namespace

std::shared_ptr<const Properties> Settlement::properties() const {
    return decode_properties(content_header);
}

Publisher::Publisher(Connection& connection, PublisherOptions options)
    : connection_(connection),
      options_(std::move(options)),
      window_(std::make_unique<Window>()),
      progress_(Clock::now()) {
    select_confirms();
    connection_.channel().listen_to_confirms(this);
}

/// With `nowait` there is no answer to wait for: a broker that cannot confirm closes the channel.
void Publisher::select_confirms() {
    if (options_.confirm) {
        connection_.channel().check_open();
        amqp_confirm_select_t select{};
        select.nowait = true;
        connection_.channel().append(select);
    }
}

Publisher::~Publisher() {
    connection_.channel().listen_to_confirms(nullptr);
}

void Publisher::publish(const Address& address, Message&& message) {
    publish(address, bodies_.take(std::move(message.body)), message.properties);
}

void Publisher::publish(const Address& address, Body body, const std::shared_ptr<const Properties>& properties) {
    connection_.channel().check_open();
    await_room(body.size());
    if (window_->empty()) {
        progress_ = Clock::now();
    }
    const auto& head = encode(address, properties);
    connection_.channel().append(head, body);
    ++published_;
    if (!options_.confirm) {
        if (connection_.channel().has_full_batch()) {
            connection_.channel().flush();
        }
        return;
    }
    window_->push(published_, head, std::move(body), connection_.channel().appended());
    try {
        flush_full_batch();
    } catch (const Error& error) {
        recover(error);
    }
}

/// A full window is waited for until an eighth of it is free, so that messages go on leaving many at a time.
void Publisher::await_room(std::size_t bytes) {
    if (has_room(1, bytes)) {
        return;
    }
    while (!has_room(1 + options_.window / 8, bytes + options_.window_bytes / 8)) {
        wait({});
    }
}

const PublishHead& Publisher::encode(const Address& address, const std::shared_ptr<const Properties>& properties) {
    return connection_.channel().encode(address, properties, options_.confirm && may_be_mandatory(address));
}

void Publisher::flush_full_batch() {
    if (connection_.channel().has_full_batch()) {
        connection_.channel().flush(overdue(), least_confirms());
        check_overdue();
    }
}

WaitResult Publisher::wait(Deadline deadline, std::span<pollfd> watched) {
    connection_.channel().check_open();
    auto wake = WaitResult::frame;
    try {
        wake = connection_.wait(earlier(deadline, overdue()), watched, least_confirms());
    } catch (const Error& error) {
        recover(error);
    }
    check_overdue();
    return wake;
}

void Publisher::take_confirms() {
    connection_.channel().check_open();
    try {
        while (connection_.channel().handle_arrived()) {
        }
    } catch (const Error& error) {
        recover(error);
    }
    check_overdue();
}

void Publisher::check_overdue() const {
    if (passed(overdue())) {
        const auto& reason = connection_.blocked();
        throw Error(ErrorKind::timeout, fmt::format("no confirm from {}", connection_.endpoint().name()),
                    fmt::format("none came for {} s, {} in flight{}", in_seconds(*options_.confirm_timeout),
                                window_->size(), reason ? fmt::format("; it takes no messages: {}", *reason) : ""));
    }
}

void Publisher::restart() {
    *window_ = Window();
    select_confirms();
}

bool Publisher::settle(Deadline deadline) {
    while (!window_->empty()) {
        if (wait(deadline) == WaitResult::deadline || passed(deadline)) {
            return window_->empty();
        }
    }
    return true;
}

std::size_t Publisher::in_flight() const noexcept {
    return window_->size();
}

std::uint64_t Publisher::first_unsettled() const noexcept {
    if (!options_.confirm) {
        return 1;
    }
    return window_->empty() ? published_ + 1 : window_->front().number;
}

std::optional<std::uint64_t> Publisher::find_in_flight(const std::function<bool(std::string_view body)>& holds) const {
    const auto* found = window_->find(holds);
    return found ? std::optional(found->number) : std::nullopt;
}

/// A body larger than the whole window goes alone.
bool Publisher::has_room(std::size_t messages, std::size_t bytes) const noexcept {
    return window_->empty() ||
           (window_->size() + messages <= options_.window && window_->bytes() + bytes <= options_.window_bytes);
}

/// Bytes of confirms that are worth waking for: where many messages are in flight, the broker has enough to do while they
/// are waited for.
std::size_t Publisher::least_confirms() const noexcept {
    constexpr std::size_t many = 1000;
    constexpr std::size_t enough = std::size_t{64} * 1024;
    return window_->size() >= many ? enough : 1;
}

Deadline Publisher::overdue() const {
    return options_.confirm_timeout && !window_->empty() ? Deadline(progress_ + *options_.confirm_timeout) : Deadline();
}

void Publisher::on_confirm(const Confirm& confirm) {
    // Tag 0 with `multiple` means all so far (AMQP 0-9-1, section 1.8.3.13 of the generated reference).
    const auto last_written = window_->last_written(connection_.channel().written());
    const auto last = confirm.multiple && confirm.delivery_tag == 0 ? last_written : confirm.delivery_tag;
    if (last > last_written) {
        throw connection_.channel().lost(
            fmt::format("it confirmed message {}, which was not published", confirm.delivery_tag));
    }
    constexpr int most_early_nacks = 6;
    if (confirm.ack) {
        republished_ = 0;
        early_nacks_ = 0;
    } else if (confirm.delivery_tag <= republished_ && ++early_nacks_ <= most_early_nacks) {
        throw connection_.channel().lost("it does not take messages yet");
    }
    const bool settled = window_->settle(confirm.multiple ? window_->first_tag() : last, last,
                                         [&](const InFlight& sent) { settle_one(sent, confirm.ack); });
    if (settled) {
        progress_ = Clock::now();
    }
}

void Publisher::settle_one(const InFlight& sent, bool ack) const {
    if (options_.on_settled) {
        const auto outcome = !ack ? Outcome::nacked : sent.refusal ? Outcome::returned : Outcome::confirmed;
        options_.on_settled(sent.settlement(outcome));
    }
}

void Publisher::on_return(Return&& returned) {
    if (!window_->mark_returned(std::move(returned))) {
        throw connection_.channel().lost("it returned a message that is not in flight");
    }
}

void Publisher::on_unblocked() {
    progress_ = Clock::now();
}

}  // namespace rabbit
