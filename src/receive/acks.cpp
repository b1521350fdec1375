#include "acks.hpp"

#include "broker_rules.hpp"

#include <algorithm>
#include <variant>

namespace receiving {
namespace {

/// The broker gives each message of a stream this header. In a message of another queue it is the publisher's own.
std::optional<std::int64_t> stream_offset_of(const rabbit::Delivery& delivery) {
    const auto& properties = delivery.message.properties;
    if (properties && properties->headers) {
        for (const auto& field : *properties->headers) {
            const auto* offset = std::get_if<std::int64_t>(&field.value.data);
            if (offset && field.name == offset_argument) {
                return *offset;
            }
        }
    }
    return std::nullopt;
}

}  // namespace

Acks::Acks(AckMode mode, std::uint16_t prefetch, std::optional<std::uint64_t> count, bool from_stream)
    : mode_(mode),
      count_(count),
      batch_(static_cast<std::uint64_t>(std::max(prefetch / 2, 1))),
      held_back_(prefetch),
      from_stream_(from_stream) {}

void Acks::take(const rabbit::Delivery& delivery) {
    if (from_stream_) {
        stream_offset_ = stream_offset_of(delivery);
    }
    ++taken_;
    last_tag_ = delivery.delivery_tag;
}

std::optional<std::uint64_t> Acks::due() const {
    return taken_ - acked_ >= batch_ ? due_at_pause() : std::nullopt;
}

std::optional<std::uint64_t> Acks::due_at_pause() const {
    return up_to(count_ ? std::min(taken_, *count_ - std::min(held_back_, *count_)) : taken_);
}

std::optional<std::uint64_t> Acks::due_at_end() const {
    return up_to(taken_);
}

/// The delivery tags of messages taken and not acked follow each other.
std::optional<std::uint64_t> Acks::up_to(std::uint64_t messages) const {
    if (mode_ == AckMode::automatic || messages <= acked_) {
        return std::nullopt;
    }
    return last_tag_ - (taken_ - messages);
}

void Acks::acked(std::uint64_t delivery_tag) {
    acked_ = taken_ - (last_tag_ - delivery_tag);
}

void Acks::restarted(bool come_again) {
    if (mode_ == AckMode::written && come_again && !from_stream_) {
        taken_ = acked_;
    } else {
        acked_ = taken_;
    }
}

}  // namespace receiving
