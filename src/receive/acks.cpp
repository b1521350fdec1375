#include "acks.hpp"

#include "broker_rules.hpp"
#include "lookup.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace receiving {
namespace {

/// The broker gives each message of a stream this header. In a message of another queue it is the publisher's own.
std::optional<std::int64_t> stream_offset_of(const rabbit::Delivery& delivery) {
    const auto& properties = delivery.message.properties;
    const auto* offset =
        properties && properties->headers ? cli::find<std::int64_t>(*properties->headers, offset_argument) : nullptr;
    return offset ? std::optional(*offset) : std::nullopt;
}

}  // namespace

Acks::Acks(const AckOptions& options)
    : options_(options),
      batch_(static_cast<std::uint64_t>(std::max(options.prefetch / 2, 1))),
      any_order_(options.any_order) {}

void Acks::start(const rabbit::Delivery& delivery) {
    if (options_.from_stream) {
        stream_offset_ = stream_offset_of(delivery);
    }
    last_tag_ = delivery.delivery_tag;
    ++working_;
    if (!any_order_) {
        open_.push_back(false);
    }
}

void Acks::take(const rabbit::Delivery& delivery) {
    start(delivery);
    finish(delivery.delivery_tag);
}

void Acks::finish(std::uint64_t delivery_tag, Verdict::Kind kind) {
    const bool counts = end_work(delivery_tag);
    taken_ += counts || options_.from_stream ? 1 : 0;
    if (counts) {
        make_ready(delivery_tag, kind);
    }
}

void Acks::pass(std::uint64_t delivery_tag) {
    if (end_work(delivery_tag)) {
        ++passed_;
        ++ready_passed_;
        make_ready(delivery_tag, Verdict::ack);
    }
}

void Acks::keep(std::uint64_t delivery_tag) {
    if (options_.from_stream) {  // it stays there anyway, and the broker sends more only for acks
        pass(delivery_tag);
        return;
    }
    if (end_work(delivery_tag)) {
        ++kept_;
        ++kept_here_;
        stop_waiting_for_order();
    }
}

void Acks::send_back(std::uint64_t delivery_tag) {
    if (end_work(delivery_tag)) {
        stop_waiting_for_order();
    }
}

/// False: the message came by a connection that is no more.
bool Acks::end_work(std::uint64_t delivery_tag) {
    const bool stale = delivery_tag <= stale_tag_;
    if (!stale || options_.from_stream) {
        --working_;
    }
    return !stale;
}

void Acks::make_ready(std::uint64_t delivery_tag, Verdict::Kind kind) {
    if (options_.mode == AckMode::automatic) {
        open_.clear();
        return;
    }
    if (kind != Verdict::ack) {
        stop_waiting_for_order();
    }
    if (any_order_) {
        singly_.push_back({delivery_tag, kind});
        return;
    }
    open_[open_.size() - 1 - (last_tag_ - delivery_tag)] = true;
    while (!open_.empty() && open_.front()) {
        ++in_order_;
        in_order_tag_ = last_tag_ + 1 - open_.size();
        open_.pop_front();
    }
}

/// From here on there are messages that an ack of all up to a later one would take along.
void Acks::stop_waiting_for_order() {
    if (std::exchange(any_order_, true)) {
        return;
    }
    for (std::size_t i = 0; i < open_.size(); ++i) {
        if (open_[i]) {
            singly_.push_back({last_tag_ + 1 - open_.size() + i, Verdict::ack});
        }
    }
    open_.clear();
}

/// The number of messages that the broker may be told of before the end. It then sends as many, and what is kept or passed
/// over has taken the place of one that counts.
std::uint64_t Acks::most_now() const {
    if (!options_.count || !options_.holds_back) {
        return std::numeric_limits<std::uint64_t>::max();
    }
    const auto most = *options_.count + kept_here_ + passed_;
    const auto held_back = told_ + options_.prefetch;
    return most - std::min(held_back, most);
}

std::uint64_t Acks::left_to_batch() const noexcept {
    if (options_.mode == AckMode::automatic) {
        return std::numeric_limits<std::uint64_t>::max();
    }
    return batch_ - std::min(ready(), batch_);
}

std::vector<Verdict> Acks::due(AckTime time) {
    const auto most = ready();
    if (most == 0 || (time == AckTime::load && most < batch_)) {
        return {};
    }
    auto left = time == AckTime::end ? most : std::min(most, most_now());
    std::vector<Verdict> result;
    if (const auto together = std::min(left, in_order_); together > 0) {
        in_order_ -= together;
        result.push_back({in_order_tag_ - in_order_, Verdict::ack_up_to});
        left -= together;
        told_ += together;
    }
    for (; left > 0; --left) {
        result.push_back(singly_.front());
        singly_.pop_front();
        ++told_;
    }
    if (!result.empty()) {
        ready_passed_ = 0;
    }
    return result;
}

void Acks::restarted(bool come_again) {
    if (come_again && !options_.from_stream) {
        taken_ -= ready() - ready_passed_;
        passed_ -= ready_passed_;
    }
    if (!options_.from_stream) {
        working_ = 0;
    }
    kept_ -= kept_here_;
    kept_here_ = 0;
    stale_tag_ = last_tag_;
    any_order_ = options_.any_order;
    in_order_ = 0;
    ready_passed_ = 0;
    open_.clear();
    singly_.clear();
}

}  // namespace receiving
