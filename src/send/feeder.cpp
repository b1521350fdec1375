#include "feeder.hpp"

#include "rabbit/error.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <poll.h>

namespace sending {

Feeder::Feeder(Options& options, std::string queue, Publish publish, Wait wait)
    : options_(options), to_queue_{"", std::move(queue)}, publish_(std::move(publish)), wait_(std::move(wait)) {}

void Feeder::feed(Source& source) {
    source_ = &source;
    for (;;) {
        while (auto record = source.next()) {
            try {
                if (!publish(std::move(*record))) {
                    return;
                }
            } catch (const rabbit::Error& error) {
                if (options_.json && error.kind() == rabbit::ErrorKind::invalid) {
                    throw source.malformed(error.what());
                }
                throw;
            }
        }
        if (source.at_end()) {
            return;
        }
        pollfd input{source.input().descriptor(), POLLIN, 0};
        if (!wait_({}, {&input, 1})) {
            return;
        }
        if (input.revents != 0) {
            source.input().read();
        }
    }
}

std::optional<double> Feeder::share() const {
    if (options_.has_records()) {
        return source_ ? source_->input().share() : std::nullopt;
    }
    const auto records = std::max<std::size_t>(options_.messages.size() + options_.files.size(), 1);
    return static_cast<double>(published_) / (static_cast<double>(records) * static_cast<double>(options_.repeat));
}

bool Feeder::publish(cli::Record&& record) {
    const auto named = goes_to_queue(record) ? std::nullopt : std::optional(named_by(record));
    const auto& address = named ? *named : to_queue_;
    const auto properties = options_.properties.apply(std::move(record.properties));
    for (auto left = options_.repeat; left > 1; --left) {
        if (!publish(address, record.body, properties)) {
            return false;
        }
    }
    return publish(address, std::move(record.body), properties);
}

bool Feeder::publish(const rabbit::Address& address, rabbit::Body body,
                     const std::shared_ptr<const rabbit::Properties>& properties) {
    if (!keep_rate() || !publish_(address, std::move(body), properties)) {
        return false;
    }
    ++published_;
    return true;
}

/// A record that names neither exchange nor routing key goes to the queue.
bool Feeder::goes_to_queue(const cli::Record& record) const {
    const bool placed = record.exchange || record.routing_key;
    return options_.queue_given || (options_.to_queue() && !placed);
}

/// The command line wins over the record.
rabbit::Address Feeder::named_by(const cli::Record& record) const {
    return {.exchange = options_.exchange.value_or(record.exchange.value_or("")),
            .routing_key = options_.routing_key.value_or(record.routing_key.value_or(""))};
}

/// Never faster than the rate, not even to make up for a pause.
bool Feeder::keep_rate() {
    if (options_.rate <= 0) {
        return true;
    }
    while (rabbit::Clock::now() < next_due_) {
        if (!wait_(next_due_, {})) {
            return false;
        }
    }
    constexpr auto made_up_for = std::chrono::milliseconds(10);  // by which a wait may be late
    const std::chrono::duration<double> interval(1 / options_.rate);
    next_due_ = std::max(next_due_, rabbit::Clock::now() - made_up_for) +
                std::chrono::duration_cast<rabbit::Clock::duration>(interval);
    return true;
}

}  // namespace sending
