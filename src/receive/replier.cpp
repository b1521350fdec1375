#include "replier.hpp"

#include "rabbit/queue.hpp"
#include "repr.hpp"
#include "say.hpp"
#include "target.hpp"

#include <memory>
#include <utility>

namespace receiving {

std::optional<std::string> Replier::reply(const rabbit::Message& request, std::string answer) {
    const auto& program = run_.program;
    const auto& properties = request.properties;
    if (!properties || properties->reply_to.value_or("").empty()) {
        cli::say("{}: a message has no reply-to: its answer is dropped\n", program);
        return std::nullopt;
    }
    const auto& to = *properties->reply_to;
    if (rabbit::is_direct_reply(to) && !run_.target->has_queue(to)) {
        cli::say("{}: nobody waits for the answer any more (reply-to '{}')\n", program, cli::printable(to));
        return std::nullopt;
    }
    return run_.target->publish_and_wait(
        run_.connection, {.exchange = "", .routing_key = to},
        {.body = std::move(answer),
         .properties =
             std::make_shared<rabbit::Properties>(rabbit::Properties{.correlation_id = properties->correlation_id})},
        run_.ends_at, [&program](const rabbit::Settlement& settlement) {
            cli::say("{}: an answer was returned: {} {} (reply-to '{}')\n", program, settlement.reply_code,
                     cli::printable(settlement.reply_text), cli::printable(settlement.address.routing_key));
        });
}

}  // namespace receiving
