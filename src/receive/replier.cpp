#include "replier.hpp"

#include "repr.hpp"
#include "say.hpp"

#include <chrono>
#include <memory>
#include <utility>

namespace receiving {

Replier::Replier(const std::string& program, const Options& options, int interrupt, rabbit::Connection& connection,
                 Interruption& interruption)
    : program_(program),
      connection_(connection),
      interruption_(interruption),
      target_(program, options.connect, options.verbosity, interrupt, interruption,
              {.on_settled = [this](const rabbit::Settlement& settlement) { settled(settlement); }}) {
    connection_.set_companion(&target_);
}

Replier::~Replier() {
    connection_.set_companion(nullptr);
}

void Replier::close() {
    connection_.set_companion(nullptr);
    target_.close();
}

std::string Replier::reply(const rabbit::Message& request, std::string answer, rabbit::Deadline ends_at) {
    const auto& properties = request.properties;
    if (!properties || properties->reply_to.value_or("").empty()) {
        cli::say("{}: a message has no reply-to: its answer is dropped\n", program_);
        return {};
    }
    const auto& to = *properties->reply_to;
    if (rabbit::is_direct_reply(to) && !target_.has_queue(to)) {
        cli::say("{}: nobody waits for the answer any more (reply-to '{}')\n", program_, cli::printable(to));
        return {};
    }
    nacked_ = false;
    target_.publish({.exchange = "", .routing_key = to},
                    {.body = std::move(answer),
                     .properties = std::make_shared<rabbit::Properties>(
                         rabbit::Properties{.correlation_id = properties->correlation_id})});
    target_.tend();
    return await_confirm(ends_at);
}

std::string Replier::await_confirm(rabbit::Deadline ends_at) {
    constexpr std::chrono::seconds patience{2};
    rabbit::Deadline limit;
    while (target_.in_flight() > 0) {
        const bool over = interruption_.pending() || rabbit::passed(ends_at);
        if (over && !limit) {
            limit = rabbit::Clock::now() + patience;
        }
        if (rabbit::passed(limit)) {
            return "it does not confirm it";
        }
        interruption_.outlast([&] { return connection_.wait(rabbit::earlier(limit, over ? limit : ends_at)); });
    }
    return nacked_ ? "it was nacked" : target_.refusal();
}

void Replier::settled(const rabbit::Settlement& settlement) {
    nacked_ = settlement.outcome == rabbit::Outcome::nacked;
    if (settlement.outcome == rabbit::Outcome::returned) {
        cli::say("{}: an answer was returned: {} {} (reply-to '{}')\n", program_, settlement.reply_code,
                 cli::printable(settlement.reply_text), cli::printable(settlement.address.routing_key));
    }
}

}  // namespace receiving
