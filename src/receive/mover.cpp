#include "mover.hpp"

#include "broker_rules.hpp"
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

Mover::Mover(Run& run) : run_(run), target_(*run.target) {
    target_.listen([this](const rabbit::Settlement& settlement) { settled(settlement); });
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
        publish(delivery.delivery_tag, std::move(*address), std::move(delivery.message));
    }
    return std::nullopt;
}

/// A message to an exchange that is not there would have the channel closed.
bool Mover::is_there(const std::string& exchange) {
    const auto known = exchanges_.find(exchange);
    return known != exchanges_.end() ? known->second
                                     : exchanges_.emplace(exchange, target_.has_exchange(exchange)).first->second;
}

/// Takes off what is not the publisher's, and what the target is known to refuse.
void Mover::prepare(rabbit::Message& message) {
    if (!message.properties) {
        return;
    }
    const auto& mark = run_.subscription.delivery_mark();
    const auto& given = *message.properties;
    const bool foreign = given.user_id && foreign_users_.contains(*given.user_id);
    const bool marked = !mark.empty() && given.headers &&
                        std::any_of(given.headers->begin(), given.headers->end(),
                                    [&mark](const rabbit::Field& each) { return each.name == mark; });
    if (!foreign && !marked) {
        return;
    }
    auto properties = std::make_shared<rabbit::Properties>(given);
    if (foreign) {
        properties->user_id.reset();
    }
    if (marked) {
        std::erase_if(*properties->headers, [&mark](const rabbit::Field& each) { return each.name == mark; });
        if (properties->headers->empty()) {
            properties->headers.reset();
        }
    }
    message.properties = std::move(properties);
}

void Mover::publish(std::uint64_t delivery_tag, rabbit::Address address, rabbit::Message message) {
    in_flight_.push_back({delivery_tag, message.body.size()});
    bytes_in_flight_ += message.body.size();
    target_.publish(std::move(address), std::move(message));
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
            if (has_foreign_user(settlement)) {
                again_.push_back({tag, settlement.address, settlement.message});
            } else {
                exchanges_.clear();
                leave(tag, fmt::format("refused: {} {}", cli::printable(settlement.reply_text), at_target()));
            }
    }
}

/// RabbitMQ refuses a user id that is not the connection's user, unless that user may impersonate others
/// (https://www.rabbitmq.com/docs/validated-user-id).
bool Mover::has_foreign_user(const rabbit::Settlement& settlement) {
    const auto& properties = settlement.message.properties;
    if (settlement.reply_code != rabbit::reply_code::precondition_failed || !properties || !properties->user_id ||
        settlement.reply_text.find("user_id") == std::string::npos) {
        return false;
    }
    if (foreign_users_.insert(*properties->user_id).second) {
        cli::say(
            "{}: the target refuses user_id '{}', which is not this connection's user: messages are moved without it\n",
            run_.program, cli::printable(*properties->user_id));
    }
    return true;
}

void Mover::publish_again() {
    for (auto& each : std::exchange(again_, {})) {
        prepare(each.message);
        publish(each.delivery_tag, std::move(each.address), std::move(each.message));
    }
}

void Mover::leave(std::uint64_t delivery_tag, std::string_view cause) {
    constexpr std::uint64_t most_named = 20;
    run_.acks.keep(delivery_tag);
    if (++left_ <= most_named) {
        cli::say("{}: message {} stays in queue '{}': {}\n", run_.program, delivery_tag,
                 cli::printable(run_.subscription.consumer().queue()), cause);
    }
    if (left_ == most_named) {
        cli::say("{}: further ones are only counted\n", run_.program);
    }
}

std::optional<Ending> Mover::attend() {
    publish_again();
    settle(AckTime::load);
    return std::nullopt;
}

void Mover::settle(AckTime time) {
    run_.subscription.tell(run_.acks.due(time));
}

void Mover::finish() {
    await_confirms();
    settle(AckTime::end);
}

/// What is in flight is either confirmed, or stays.
void Mover::await_confirms() {
    constexpr std::chrono::seconds patience{5};
    publish_again();
    rabbit::Deadline limit;
    while (!in_flight_.empty() || !again_.empty()) {
        const bool over = run_.interruption.pending() || rabbit::passed(run_.ends_at);
        if (over && !limit) {
            limit = rabbit::Clock::now() + patience;
        }
        if (rabbit::passed(limit)) {
            cli::say("{}: {} messages in flight were not confirmed in time: they stay, and may be at the target, too\n",
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

void Mover::announce(std::string_view line) {
    if (!run_.options.verbosity.quiet) {
        cli::say("{}", line);
    }
}

}  // namespace receiving
