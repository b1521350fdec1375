// What a publisher does once its connection is lost or a message is refused.
#include "rabbit/publisher.hpp"

#include "channel.hpp"
#include "rabbit/error.hpp"
#include "window.hpp"

#include <utility>

namespace rabbit {
namespace {

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

}  // namespace

void Publisher::append_again(InFlight& sent) {
    connection_.channel().append(*sent.head, sent.body);
    sent.end = connection_.channel().appended();
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
    const auto settlement = refused.settlement(Outcome::refused);
    std::optional<InFlight> replacement;
    if (auto message = options_.on_refused(settlement)) {
        replacement = {.number = refused.number,
                       .head = std::make_shared<PublishHead>(encode(settlement.address, message->properties)),
                       .body = bodies_.take(std::move(message->body))};
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

}  // namespace rabbit
