#include "sieve.hpp"

#include "repr.hpp"
#include "say.hpp"

#include <fmt/format.h>

#include <utility>

namespace receiving {

std::optional<Ending> Sieve::hand_over(rabbit::Delivery&& delivery) {
    if (filter_.matches(delivery)) {
        return handler_.handle(std::move(delivery));
    }
    ++unmatched_;
    run_.acks.start(delivery);
    if (run_.options.keeps_unmatched()) {
        run_.acks.keep(delivery.delivery_tag);
    } else {
        run_.acks.pass(delivery.delivery_tag);
    }
    handler_.settle(AckTime::load);
    return std::nullopt;
}

void Sieve::warn() const {
    if (run_.options.keeps_unmatched() && run_.subscription.giving_back_counts()) {
        cli::say("{}: queue '{}': {} counts a failed delivery of each message that does not match\n", run_.program,
                 cli::printable(run_.subscription.consumer().queue()), cli::printable(run_.connection.server()));
    }
}

std::string Sieve::summary() const {
    return unmatched_ == 0 ? std::string()
                           : fmt::format("{} messages did not match{}", unmatched_,
                                         run_.options.keeps_unmatched() ? " and stay" : "");
}

}  // namespace receiving
