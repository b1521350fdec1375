#include "broker_rules.hpp"

#include <charconv>
#include <utility>

namespace receiving {
namespace {

/// The number at the beginning of `text`, which is left without it; 0: there is none.
int take_number(std::string_view& text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    text.remove_prefix(error == std::errc() ? static_cast<std::size_t>(end - text.data()) : 0);
    return number;
}

/// Whether the broker says that it is RabbitMQ of this version or a later one.
bool is_rabbitmq(std::string_view server, int least_major, int least_minor) {
    constexpr std::string_view product = "RabbitMQ ";
    if (!server.starts_with(product)) {
        return false;
    }
    server.remove_prefix(product.size());
    const auto major = take_number(server);
    server.remove_prefix(server.starts_with('.') ? 1 : 0);
    const auto minor = take_number(server);
    return std::pair(major, minor) >= std::pair(least_major, least_minor);
}

}  // namespace

bool nack_is_free(std::string_view server) {
    return is_rabbitmq(server, 4, 3);
}

bool has_stream_filters(std::string_view server) {
    return is_rabbitmq(server, 3, 13);
}

std::string type_of_refusing_queue(const rabbit::Error& error) {
    constexpr std::string_view before = "of queue type rabbit_";
    constexpr std::string_view after = "_queue";
    const std::string_view cause = error.cause();
    const auto found = cause.find(before);
    if (found == std::string_view::npos) {
        return {};
    }
    const auto type = cause.substr(found + before.size());
    return std::string(type.substr(0, type.find(after)));
}

}  // namespace receiving
