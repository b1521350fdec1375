#include "dead_letter.hpp"

#include "lookup.hpp"

#include <string>

namespace receiving {
std::optional<rabbit::Address> origin_of(const rabbit::Message& message) {
    if (!message.properties || !message.properties->headers) {
        return std::nullopt;
    }
    const auto* death = cli::first<rabbit::Table>(cli::find<rabbit::Array>(*message.properties->headers, "x-death"));
    if (!death) {
        return std::nullopt;
    }
    const auto* exchange = cli::find<std::string>(*death, "exchange");
    const auto* key = cli::first<std::string>(cli::find<rabbit::Array>(*death, "routing-keys"));
    if (!exchange || !key) {
        return std::nullopt;
    }
    return rabbit::Address{.exchange = *exchange, .routing_key = *key};
}

}  // namespace receiving
