#include "mover.hpp"

#include "attempts.hpp"
#include "failure.hpp"
#include "rabbit/error.hpp"
#include "repr.hpp"
#include "say.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

namespace receiving {
namespace {

constexpr std::size_t most_in_flight = 10'000;
constexpr std::size_t most_bytes_in_flight = std::size_t{8} << 20;

}  // namespace

Mover::Mover(Run& run) : Handler(run), target_(*run.target), foreign_users_(run.program) {
    target_.listen([this](const rabbit::Settlement& settlement) { settled(settlement); },
                   [this](const rabbit::Settlement& refused) { return foreign_users_.replace(refused); });
}

Mover::~Mover() {
    target_.listen({});
}

bool Mover::has_room() const {
    return in_flight_.empty() || (in_flight_.size() < most_in_flight && bytes_in_flight_ < most_bytes_in_flight);
}

std::optional<Ending> Mover::handle(rabbit::Delivery&& delivery) {
    run_.acks.start(delivery);
    if (const auto& cause = delivery.message.unreadable; !cause.empty()) {
        leave(delivery.delivery_tag, fmt::format("its properties cannot be read ({})", cli::printable(cause)));
        return std::nullopt;
    }
    auto address = run_.options.move.destination(delivery);
    if (!address) {
        leave(delivery.delivery_tag, "no header x-death tells where it came from");
    } else if (run_.options.move.origin && !is_there(address->exchange)) {
        leave(delivery.delivery_tag,
              fmt::format("exchange '{}', where it came from, is gone", cli::printable(address->exchange)));
    } else {
        prepare(delivery.message);
        publish(delivery.delivery_tag, *address, std::move(delivery.message));
    }
    return std::nullopt;
}

/// A message to an exchange that is not there would have the channel closed.
bool Mover::is_there(const std::string& exchange) {
    const auto known = exchanges_.find(exchange);
    return known != exchanges_.end() ? known->second
                                     : exchanges_.emplace(exchange, target_.has_exchange(exchange)).first->second;
}

/// A header that is about a stay in the source queue alone: what the queue adds, and the failures of an earlier life of a
/// dead letter.
bool Mover::is_of_the_source(const rabbit::Field& header) const {
    const auto mark = run_.subscription.delivery_mark();
    return (!mark.empty() && header.name == mark) || (run_.options.move.origin && header.name == Attempts::header);
}

/// Takes off what is not to arrive, and what the target is known to refuse.
void Mover::prepare(rabbit::Message& message) const {
    if (!message.properties) {
        return;
    }
    const auto& given = *message.properties;
    const auto unwanted = [this](const rabbit::Field& each) { return is_of_the_source(each); };
    const bool foreign = given.user_id && foreign_users_.contains(*given.user_id);
    const bool marked = given.headers && std::any_of(given.headers->begin(), given.headers->end(), unwanted);
    if (!foreign && !marked) {
        return;
    }
    auto properties = std::make_shared<rabbit::Properties>(given);
    if (foreign) {
        properties->user_id.reset();
    }
    if (marked) {
        std::erase_if(*properties->headers, unwanted);
        if (properties->headers->empty()) {
            properties->headers.reset();
        }
    }
    message.properties = std::move(properties);
}

void Mover::publish(std::uint64_t delivery_tag, const rabbit::Address& address, rabbit::Message message) {
    in_flight_.push_back({delivery_tag, message.body.size()});
    bytes_in_flight_ += message.body.size();
    target_.publish(address, std::move(message));
}

void Mover::settled(const rabbit::Settlement& settlement) {
    auto& sent = in_flight_[settlement.number - first_in_flight_];
    sent.settled = true;
    bytes_in_flight_ -= sent.size;
    const auto tag = sent.delivery_tag;
    while (!in_flight_.empty() && in_flight_.front().settled) {
        in_flight_.pop_front();
        ++first_in_flight_;
    }
    const auto at_target = [&settlement] {
        return fmt::format("(exchange '{}', routing key '{}')", cli::printable(settlement.address.exchange),
                           cli::printable(settlement.address.routing_key));
    };
    switch (settlement.outcome) {
        case rabbit::Outcome::confirmed: run_.acks.finish(tag); break;
        case rabbit::Outcome::nacked:
            leave(tag, fmt::format("nacked: the broker did not take it {}", at_target()));
            break;
        case rabbit::Outcome::returned:
            leave(tag, fmt::format("returned: {} {} {}", settlement.reply_code, cli::printable(settlement.reply_text),
                                   at_target()));
            break;
        case rabbit::Outcome::refused:
            exchanges_.clear();
            leave(tag, fmt::format("refused: {} {}", cli::printable(settlement.reply_text), at_target()));
    }
}

void Mover::leave(std::uint64_t delivery_tag, std::string_view cause) {
    constexpr std::uint64_t most_named = 20;
    run_.acks.keep(delivery_tag);
    ++left_;
    if (++named_ <= most_named) {
        cli::say("{}: message {} stays in queue '{}': {}\n", run_.program, delivery_tag,
                 cli::printable(run_.subscription.consumer().queue()), cause);
    }
    if (named_ == most_named) {
        cli::say("{}: further ones are only counted\n", run_.program);
    }
}

std::optional<Ending> Mover::attend() {
    settle(AckTime::load);
    return std::nullopt;
}

void Mover::finish() {
    await_confirms();
    settle(AckTime::end);
}

/// What is in flight is either confirmed, or stays.
void Mover::await_confirms() {
    constexpr std::chrono::seconds patience{5};
    rabbit::Deadline limit;
    while (!in_flight_.empty()) {
        const bool over = run_.interruption.pending() || rabbit::passed(run_.ends_at);
        if (over && !limit) {
            limit = rabbit::Clock::now() + patience;
        }
        if (rabbit::passed(limit) || target_.given_up()) {
            cli::say("{}: {} messages in flight were not confirmed: they stay, and may be at the target, too\n",
                     run_.program, in_flight_.size());
            left_ += in_flight_.size();
            return;
        }
        run_.interruption.outlast(
            [&] { return run_.connection.wait(rabbit::earlier(limit, over ? limit : run_.ends_at)); });
        attend();
    }
}

std::string Mover::summary() const {
    return fmt::format("{} messages {} {}{}", run_.acks.taken(), run_.options.is_stream() ? "copied" : "moved",
                       run_.options.move.in_words(), left_ > 0 ? fmt::format(", {} stay", left_) : "");
}

}  // namespace receiving
