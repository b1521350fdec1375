#include "rabbit/publisher.hpp"

#include "channel.hpp"
#include "finally.hpp"
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

/// It closed the channel, not the connection (AMQP 0-9-1, section 1.1 of the generated reference: soft errors).
bool closed_channel(const Error& error) {
    switch (error.reply_code()) {
        case reply_code::content_too_large:
        case reply_code::access_refused:
        case reply_code::not_found:
        case reply_code::resource_locked:
        case reply_code::precondition_failed: return true;
        default: return false;
    }
}

Settlement settlement_of(const InFlight& sent, Outcome outcome) {
    static const Refusal none;
    const auto& refusal = sent.refusal ? *sent.refusal : none;
    return {.number = sent.number,
            .outcome = outcome,
            .reply_code = refusal.reply_code,
            .reply_text = refusal.reply_text,
            .address = sent.head->method->address,
            .body = sent.body,
            .content_header = sent.head->header};
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
    connection_.channel().keep_bodies();
    connection_.channel().listen_to_confirms(nullptr);
}

void Publisher::publish(const Address& address, Message&& message) {
    connection_.channel().check_open();
    await_room(message.body.size());
    if (window_->empty()) {
        progress_ = Clock::now();
    }
    const auto& head = encode(address, message.properties);
    connection_.channel().append(head, message.body);
    ++published_;
    if (!options_.confirm) {
        const Finally keep([this] { connection_.channel().keep_bodies(); });
        if (connection_.channel().has_full_batch()) {
            connection_.channel().flush();
        }
        return;
    }
    window_->push(published_, head, message.body, connection_.channel().appended());
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

void Publisher::append_again(InFlight& sent) {
    connection_.channel().append(*sent.head, sent.body);
    sent.end = connection_.channel().appended();
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

/// Opens the connection again if `error` is that it was lost, and the channel if a message was refused; otherwise throws
/// it.
void Publisher::recover(const Error& error) {
    if (options_.confirm && options_.on_refused && closed_channel(error)) {
        publish_one_by_one();
        return;
    }
    if (!options_.confirm || !connection_.may_reopen(error)) {
        throw error;
    }
    if (options_.on_lost) {
        options_.on_lost(error);
    }
    window_->restart();
    connection_.reopen();
    try {
        connection_.with_reconnect([this] { publish_again(); });
    } catch (const Error& again) {
        if (!options_.on_refused || !closed_channel(again)) {
            throw;
        }
        publish_one_by_one();
    }
}

/// The broker does not say over which message it closed the channel, so each goes alone now.
void Publisher::publish_one_by_one() {
    auto waiting = window_->take();
    std::optional<Error> failure;
    try {
        const Interrupt::Hold hold(connection_.channel().interrupt());
        reopen_channel();
        while (!waiting.empty()) {
            window_->push(std::move(waiting.front()));
            waiting.pop_front();
            publish_alone();
        }
    } catch (const Error& error) {
        failure = error;
    }
    if (failure) {
        for (; !waiting.empty(); waiting.pop_front()) {
            window_->push(std::move(waiting.front()));
        }
        recover(*failure);
    }
}

/// Publishes the window's only message and waits for what becomes of it.
void Publisher::publish_alone() {
    try {
        append_again(window_->back());
        while (!window_->empty()) {
            connection_.wait(overdue());
            check_overdue();
        }
    } catch (const Error& error) {
        if (!closed_channel(error)) {
            throw;
        }
        progress_ = Clock::now();
        auto replaced = replace_refused(error);
        reopen_channel();
        if (replaced) {
            window_->push(std::move(*replaced));
            publish_alone();
        }
    }
}

/// What to publish in place of the window's only message, which is taken out; empty: nothing, and it is settled.
std::optional<InFlight> Publisher::replace_refused(const Error& error) {
    auto& refused = window_->back();
    refused.refusal = std::make_unique<const Refusal>(Refusal{error.reply_code(), error.cause()});
    const auto settlement = settlement_of(refused, Outcome::refused);
    std::optional<InFlight> replacement;
    if (auto message = options_.on_refused(settlement)) {
        replacement = {.number = refused.number,
                       .head = std::make_shared<PublishHead>(encode(settlement.address, message->properties)),
                       .body = std::move(message->body)};
    } else if (options_.on_settled) {
        options_.on_settled(settlement);
    }
    window_->take();
    return replacement;
}

void Publisher::reopen_channel() {
    connection_.reopen_channel();
    window_->restart();
    select_confirms();
}

void Publisher::publish_again() {
    window_->restart();
    republished_ = window_->size();
    progress_ = Clock::now();
    if (options_.on_reopened) {
        options_.on_reopened(window_->size());
    }
    select_confirms();
    const auto last = republished_;  // which the first ack resets, and that may come before the last has left
    for (std::uint64_t tag = 1; tag <= last; ++tag) {
        append_again(window_->at(tag));
        flush_full_batch();
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

std::optional<std::uint64_t> Publisher::find_in_flight(
    const std::function<bool(const std::string& body)>& holds) const {
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
    return window_->size() >= many ? Wire::batch : 1;
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
        options_.on_settled(settlement_of(sent, outcome));
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
