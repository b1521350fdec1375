#include "replier.hpp"

#include "repr.hpp"
#include "say.hpp"

#include <memory>
#include <string_view>
#include <utility>

namespace receiving {
namespace {

/// What the addresses of clients begin with that wait for an answer. A passive queue.declare asks whether one still does
/// (https://www.rabbitmq.com/docs/direct-reply-to).
constexpr std::string_view direct_reply = "amq.rabbitmq.reply-to.";

}  // namespace

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

bool Replier::reply(const rabbit::Message& request, std::string answer) {
    const auto& properties = request.properties;
    if (!properties || properties->reply_to.value_or("").empty()) {
        cli::say("{}: a message has no reply-to: its answer is dropped\n", program_);
        return true;
    }
    const auto& to = *properties->reply_to;
    if (to.starts_with(direct_reply) && !target_.has_queue(to)) {
        cli::say("{}: nobody waits for the answer any more (reply-to '{}')\n", program_, cli::printable(to));
        return true;
    }
    nacked_ = false;
    target_.publish({.exchange = "", .routing_key = to},
                    {.body = std::move(answer),
                     .properties = std::make_shared<rabbit::Properties>(
                         rabbit::Properties{.correlation_id = properties->correlation_id})});
    target_.tend();
    while (target_.in_flight() > 0) {
        interruption_.outlast([this] { return connection_.wait({}); });
    }
    return !nacked_;
}

void Replier::settled(const rabbit::Settlement& settlement) {
    nacked_ = settlement.outcome == rabbit::Outcome::nacked;
    if (settlement.outcome == rabbit::Outcome::returned) {
        cli::say("{}: an answer was returned: {} {} (reply-to '{}')\n", program_, settlement.reply_code,
                 cli::printable(settlement.reply_text), cli::printable(settlement.address.routing_key));
    }
}

}  // namespace receiving
