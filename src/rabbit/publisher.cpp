#include "rabbit/publisher.hpp"

#include "channel.hpp"
#include "codec/properties_codec.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rabbit {

Publisher::Publisher(Connection& connection, PublisherOptions options)
    : connection_(connection), options_(std::move(options)), progress_(Clock::now()) {
    select_confirms();
    connection_.channel().listen(this);
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
    connection_.channel().listen(nullptr);
}

void Publisher::publish(Address address, Message message) {
    check_short_string("exchange name", address.exchange);
    check_short_string("routing key", address.routing_key);
    connection_.channel().check_open();
    while (!has_room(message.body.size())) {
        wait({});
    }
    if (in_flight_.empty()) {
        progress_ = Clock::now();
    }
    InFlight sent{published_ + 1, std::move(address), std::move(message)};
    encode(sent);
    ++next_tag_;
    ++published_;
    if (options_.confirm) {
        in_flight_bytes_ += sent.message.body.size();
        in_flight_.push_back(std::move(sent));
    }
    try {
        if (connection_.channel().flush_full_batch(overdue())) {
            check_overdue();
        }
    } catch (const Error& error) {
        recover(error);
    }
}

void Publisher::encode(const InFlight& sent) {
    static const Properties none;
    const PropertiesView properties(sent.message.properties ? *sent.message.properties : none);
    amqp_basic_publish_t publish{};
    publish.exchange = to_amqp(sent.address.exchange);
    publish.routing_key = to_amqp(sent.address.routing_key);
    publish.mandatory = options_.confirm;
    connection_.channel().append_publish(publish, properties.get(), sent.message.body);
}

WaitResult Publisher::wait(Deadline deadline, std::span<pollfd> watched) {
    connection_.channel().check_open();
    auto wake = WaitResult::frame;
    try {
        wake = connection_.wait(earlier(deadline, overdue()), watched);
    } catch (const Error& error) {
        recover(error);
    }
    check_overdue();
    return wake;
}

void Publisher::check_overdue() const {
    if (passed(overdue())) {
        throw Error(ErrorKind::timeout, fmt::format("no confirm from {}", connection_.endpoint().name()),
                    fmt::format("none came for {} s, {} in flight",
                                in_seconds(*options_.confirm_timeout), in_flight_.size()));
    }
}

/// Opens the connection again if `error` is that it was lost; throws everything else on.
void Publisher::recover(const Error& error) {
    if (!options_.confirm || !connection_.may_reopen(error)) {
        throw error;
    }
    if (options_.on_lost) {
        options_.on_lost(error);
    }
    connection_.reopen();
    connection_.with_reconnect([this] { publish_again(); });
}

void Publisher::publish_again() {
    std::erase_if(in_flight_, [](const InFlight& sent) { return sent.settled; });
    first_tag_ = 1;
    return_cursor_ = 1;
    next_tag_ = 1;
    republished_ = in_flight_.size();
    progress_ = Clock::now();
    if (options_.on_reopened) {
        options_.on_reopened(in_flight_.size());
    }
    select_confirms();
    const auto count = in_flight_.size();
    for (std::uint64_t tag = 1; tag <= count; ++tag) {
        auto& sent = in_flight_[tag - first_tag_];  // confirms of those before it move first_tag_
        sent.reply_code = 0;
        encode(sent);
        ++next_tag_;
        connection_.channel().flush_full_batch({});
    }
}

bool Publisher::settle(Deadline deadline) {
    while (!in_flight_.empty()) {
        if (wait(deadline) == WaitResult::deadline || passed(deadline)) {
            return in_flight_.empty();
        }
    }
    return true;
}

std::uint64_t Publisher::first_unsettled() const noexcept {
    if (!options_.confirm) {
        return 1;
    }
    return in_flight_.empty() ? published_ + 1 : in_flight_.front().number;
}

std::optional<std::uint64_t> Publisher::find_in_flight(const std::function<bool(const Message&)>& holds) const {
    const auto found = std::find_if(in_flight_.begin(), in_flight_.end(), [&holds](const InFlight& sent) {
        return !sent.settled && holds(sent.message);
    });
    return found == in_flight_.end() ? std::nullopt : std::optional(found->number);
}

/// A body larger than the whole window goes alone.
bool Publisher::has_room(std::size_t bytes) const noexcept {
    return in_flight_.empty() ||
           (in_flight_.size() < options_.window && in_flight_bytes_ + bytes <= options_.window_bytes);
}

Deadline Publisher::overdue() const {
    if (!options_.confirm_timeout || in_flight_.empty() || connection_.blocked()) {
        return {};
    }
    return progress_ + *options_.confirm_timeout;
}

void Publisher::on_confirm(const Confirm& confirm) {
    if (confirm.delivery_tag >= next_tag_) {
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
    // Tag 0 with `multiple` means all so far (AMQP 0-9-1, section 1.8.3.13 of the generated reference).
    const auto last_tag = confirm.multiple && confirm.delivery_tag == 0 ? next_tag_ - 1 : confirm.delivery_tag;
    for (auto tag = confirm.multiple ? first_tag_ : std::max(first_tag_, last_tag); tag <= last_tag; ++tag) {
        settle_one(in_flight_[tag - first_tag_], confirm.ack);
    }
    while (!in_flight_.empty() && in_flight_.front().settled) {
        in_flight_.pop_front();
        ++first_tag_;
    }
}

void Publisher::settle_one(InFlight& sent, bool ack) {
    if (sent.settled) {
        return;
    }
    sent.settled = true;
    progress_ = Clock::now();
    in_flight_bytes_ -= sent.message.body.size();
    if (options_.on_settled) {
        const auto outcome = !ack ? Outcome::nacked : sent.reply_code ? Outcome::returned : Outcome::confirmed;
        options_.on_settled(
            {sent.number, outcome, sent.reply_code, sent.reply_text, sent.address, sent.message});
    }
}

void Publisher::on_return(Return returned) {
    const auto matches = [&returned](const InFlight& sent) {
        return !sent.settled && sent.reply_code == 0 && sent.address == returned.address &&
               sent.message.body == returned.message.body;
    };
    const auto from = in_flight_.begin() +
                      static_cast<std::ptrdiff_t>(std::max(return_cursor_, first_tag_) - first_tag_);
    auto found = std::find_if(from, in_flight_.end(), matches);
    if (found == in_flight_.end()) {
        found = std::find_if(in_flight_.begin(), from, matches);
        if (found == from) {
            throw connection_.channel().lost("it returned a message that is not in flight");
        }
    }
    found->reply_code = returned.reply_code;
    found->reply_text = std::move(returned.reply_text);
    return_cursor_ = first_tag_ + static_cast<std::uint64_t>(found - in_flight_.begin()) + 1;
}

void Publisher::on_unblocked() {
    progress_ = Clock::now();
}

}  // namespace rabbit
