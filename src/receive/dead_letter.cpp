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
    constexpr std::size_t longest_name = 255;  // of what can be published to (AMQP 0-9-1, section 4.2.5.3)
    if (!exchange || !key || exchange->size() > longest_name || key->size() > longest_name) {
        return std::nullopt;
    }
    return rabbit::Address{.exchange = *exchange, .routing_key = *key};
}

}  // namespace receiving
