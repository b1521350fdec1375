#include "attempts.hpp"

#include "broker_rules.hpp"
#include "lookup.hpp"
#include "rabbit/publisher.hpp"
#include "repr.hpp"
#include "say.hpp"
#include "target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace receiving {
namespace {

std::uint64_t number_in(const rabbit::Message& message, std::string_view header) {
    const auto& properties = message.properties;
    return properties && properties->headers ? cli::find_count(*properties->headers, header).value_or(0) : 0;
}

/// The same message with the number in its header, for its own queue alone.
rabbit::Message with_number(const rabbit::Message& message, std::uint64_t number) {
    auto properties = message.properties ? *message.properties : rabbit::Properties();
    auto& headers = properties.headers ? *properties.headers : properties.headers.emplace();
    std::erase_if(headers, [](const rabbit::Field& each) {
        return each.name == Attempts::header || each.name == carbon_copy_header;
    });
    headers.push_back({Attempts::header, {static_cast<std::int64_t>(number)}});
    return {.body = message.body, .properties = std::make_shared<const rabbit::Properties>(std::move(properties))};
}

}  // namespace

Attempts::Attempts(Run& run) : run_(run), foreign_users_(run.program) {
    if (run.target) {
        run.target->listen({}, [this](const rabbit::Settlement& refused) { return foreign_users_.replace(refused); });
    }
}

std::uint64_t Attempts::failed(const rabbit::Delivery& delivery) const {
    return 1 + (run_.subscription.counts_deliveries() ? number_in(delivery.message, delivery_count_header)
                                                      : number_in(delivery.message, header));
}

void Attempts::send_back(const rabbit::Delivery& delivery) {
    if (run_.subscription.counts_deliveries()) {
        run_.send_back(delivery.delivery_tag);
        return;
    }
    std::optional<std::string> returned;
    const auto refused = run_.target->publish_and_wait(
        run_.connection, {.exchange = "", .routing_key = run_.subscription.consumer().queue()},
        with_number(delivery.message, failed(delivery)), run_.ends_at,
        [&returned](const rabbit::Settlement& settlement) {
            returned = fmt::format("{} {}", settlement.reply_code, settlement.reply_text);
        });
    if (const auto& refusal = refused ? refused : returned) {
        cli::say("{}: the message goes back uncounted, since the broker does not take its copy: {}\n", run_.program,
                 cli::printable(*refusal));
        run_.send_back(delivery.delivery_tag);
        return;
    }
    run_.acks.pass(delivery.delivery_tag);
}

}  // namespace receiving
