#include "move_flags.hpp"

#include "cli11.hpp"
#include "dead_letter.hpp"
#include "failure.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

namespace receiving {

void MoveFlags::add_to(CLI::App& app) {
    constexpr auto group = "Moving";
    auto& part = cli::add_part(app);
    const auto add_text = [&part](const char* name, auto& to, const char* type, const char* description) {
        return part.add_option(name, to, description)->type_name(type)->group(group);
    };
    auto* to_queue = add_text("--to-queue", queue, "NAME",
                              "Move each message to queue NAME: it is published there, and acked here only once the "
                              "broker has confirmed it");
    auto* to_exchange = add_text("--to-exchange", exchange, "NAME",
                                 "Move each message to exchange NAME, with its own routing key or that of --to-key");
    add_text("--to-key", key, "KEY", "The routing key for --to-exchange")->needs(to_exchange);
    auto* to_origin = part.add_flag("--to-origin", origin,
                                    "Move each dead letter to the exchange and routing key that it was published to "
                                    "before (x-death)")
                          ->group(group);
    add_text("--to-url", url, "URL", "The target is on another broker, or in another virtual host");
    to_queue->excludes(to_exchange)->excludes(to_origin);
    to_exchange->excludes(to_origin);
    for (auto* target : {to_queue, to_exchange, to_origin}) {
        for (const auto* other : {"--format", "--template", "--peek", "COMMAND"}) {
            target->excludes(cli::find_option(app, other));
        }
    }
}

void MoveFlags::check(const std::string& source_queue, const cli::ConnectionFlags& source) const {
    const auto refuse = [](const std::string& text) { throw cli::UsageError(text); };
    if (!url.empty() && !given()) {
        refuse("--to-url needs --to-queue, --to-exchange or --to-origin");
    }
    if (queue && queue->empty()) {
        refuse("--to-queue: the name is empty");
    }
    if (exchange && exchange->empty() && key.value_or("").empty()) {
        refuse("--to-exchange '': the default exchange needs --to-key, the name of a queue; or use --to-queue");
    }
    rabbit::check_short_string("queue name", queue.value_or(""));
    rabbit::check_short_string("exchange name", exchange.value_or(""));
    rabbit::check_short_string("routing key", key.value_or(""));
    const bool same_queue = queue == source_queue || (exchange && exchange->empty() && key == source_queue);
    if (url.empty() && same_queue) {
        refuse(fmt::format("--to-queue: '{}' is the queue that the messages come from", source_queue));
    }
    if (given()) {
        static_cast<void>(connection(source).endpoints());
    }
}

cli::ConnectionFlags MoveFlags::connection(const cli::ConnectionFlags& source) const {
    if (url.empty()) {
        return source;
    }
    cli::ConnectionFlags target;
    target.urls = {url};
    target.url_option = "--to-url";
    target.connect_timeout = source.connect_timeout;
    target.heartbeat = source.heartbeat;
    target.retry_for = source.retry_for;
    return target;
}

std::optional<rabbit::Address> MoveFlags::destination(const rabbit::Delivery& delivery) const {
    if (queue) {
        return rabbit::Address{.exchange = "", .routing_key = *queue};
    }
    if (exchange) {
        return rabbit::Address{.exchange = *exchange, .routing_key = key.value_or(delivery.address.routing_key)};
    }
    return origin_of(delivery.message);
}

std::string MoveFlags::in_words() const {
    return queue      ? fmt::format("to queue '{}'", *queue)
           : exchange ? fmt::format("to exchange '{}'", *exchange)
                      : std::string("to where they came from");
}

}  // namespace receiving
