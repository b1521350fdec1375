#include "options.hpp"

#include "cli11.hpp"
#include "failure.hpp"
#include "rabbit/error.hpp"

#include <algorithm>

namespace sending {
namespace {

void add_sources(CLI::App& app, Options& options) {
    constexpr auto group = "Messages";
    auto* messages = cli::find_option(app, "MESSAGE");
    auto& part = cli::add_part(app);
    cli::add_repeatable(part, "-f,--file", options.files,
                        "Send a file as one message, or with --lines, --null or --json its records (repeatable; - is "
                        "standard input)")
        ->type_name("FILE")
        ->excludes(messages)
        ->group(group);
    auto* lines = part.add_flag("-l,--lines", options.lines, "Send each line of the input as a message")
                      ->excludes(messages)
                      ->group(group);
    auto* null =
        part.add_flag("-0,--null", options.null, "Send each part of the input that ends with a NUL as a message")
            ->excludes(messages, lines)
            ->group(group);
    part.add_flag("--json", options.json,
                  "Send JSON records, as receive --format json writes them: one after the other, or in an "
                  "array")
        ->excludes(messages, lines, null)
        ->group(group);
    cli::add_number<std::uint64_t>(part, "--repeat", options.repeat, 1, 1'000'000'000'000, "Send each message N times")
        ->group(group);
    cli::add_number(part, "--rate", options.rate, 1e-6, 1e9, "Maximum number of messages a second", "a number",
                    "; leave --rate out to send without a limit")
        ->group(group);
}

void add_address(CLI::App& app, Options& options) {
    constexpr auto group = "Exchange";
    auto* queue = cli::find_option(app, "--queue");
    auto& part = cli::add_part(app);
    auto* exchange =
        part.add_option("-e,--exchange", options.exchange, "Publish to this exchange; no queue is declared")
            ->type_name("NAME")
            ->excludes(queue)
            ->group(group);
    auto* key = part.add_option("-k,--routing-key", options.routing_key, "Publish with this routing key")
                    ->type_name("KEY")
                    ->excludes(queue)
                    ->group(group);
    for (const auto* declaring : {"--durable", "--queue-type", "--queue-arg", "--auto-delete"}) {
        cli::find_option(app, declaring)->excludes(exchange, key);
    }
    options.exchange_flags.add_to(part, group, *exchange);
}

void add_delivery(CLI::App& app, Options& options) {
    constexpr auto group = "Delivery";
    auto& part = cli::add_part(app);
    auto* no_confirm = part.add_flag("--no-confirm", options.no_confirm,
                                     "Fire and forget: messages are neither confirmed nor returned")
                           ->group(group);
    cli::add_number<std::size_t>(part, "--window", options.window, 1, 1'000'000,
                                 "Maximum number of unconfirmed messages in flight")
        ->default_str("10000")
        ->excludes(no_confirm)
        ->group(group);
    cli::add_seconds(
        part, "--confirm-timeout", options.confirm_timeout, 0, 1e9,
        "Give up when confirms are due and none has come for this long, even if the broker is short of memory or "
        "disk and takes no messages; 0: never")
        ->default_str("60")
        ->excludes(no_confirm)
        ->group(group);
}

void add_request(CLI::App& app, Options& options) {
    constexpr auto group = "Request";
    auto& part = cli::add_part(app);
    auto* request = part.add_flag("--request", options.request,
                                  "Wait for an answer to each message and print it; answers come by direct reply-to")
                        ->excludes(cli::find_option(app, "--no-confirm"), cli::find_option(app, "--correlation-id"),
                                   cli::find_option(app, "--reply-to"))
                        ->group(group);
    options.format.add_to(part, group, "an answer", "lines");
    cli::add_seconds(part, "-t,--timeout", options.timeout, 0.001, 1e9,
                     "Stop waiting for answers after this long in total")
        ->group(group);
    for (const auto* needing : {"--format", "--template", "--color", "--timeout"}) {
        cli::find_option(app, needing)->needs(request);
    }
}

}  // namespace

std::optional<std::chrono::milliseconds> Options::confirm_limit() const {
    if (confirm_timeout.count() <= 0) {
        return std::nullopt;
    }
    return std::chrono::ceil<std::chrono::milliseconds>(confirm_timeout);
}

void Options::add_operands_to(CLI::App& app) {
    app.add_option("MESSAGE", messages,
                   "Each is sent as a message of its own; - stands for all of standard input. Without any, and without "
                   "an input option: Hello World!")
        ->type_name("");
}

void Options::add_to(CLI::App& app) {
    add_operands_to(app);
    add_sources(app, *this);
    queue.add_to(cli::add_part(app));
    cli::find_option(app, "--queue")->each([this](const std::string&) { queue_given = true; });
    add_address(app, *this);
    properties.add_to(cli::add_part(app));
    add_delivery(app, *this);
    add_request(app, *this);
    connect.add_to(cli::add_part(app));
    verbosity.add_to(app);
}

bool Options::reads_standard_input() const {
    const auto has = [](const std::vector<std::string>& names) {
        return std::find(names.begin(), names.end(), "-") != names.end();
    };
    return (has_records() && files.empty()) || has(messages) || has(files);
}

void Options::check() {
    if (routing_key && !exchange && !json) {
        throw cli::UsageError("--routing-key needs --exchange (or use --queue for the default exchange)");
    }
    if (std::count(messages.begin(), messages.end(), "-") > 1) {
        throw cli::UsageError("- stands for all of standard input, which can be read once only");
    }
    if (std::count(files.begin(), files.end(), "-") > 1) {
        throw cli::UsageError("--file -: standard input can be read once only");
    }
    if (queue_given && queue.name.empty()) {
        throw cli::UsageError("--queue: the name is empty");
    }
    rabbit::check_short_string("queue name", queue.name);
    rabbit::check_short_string("exchange name", exchange.value_or(""));
    rabbit::check_short_string("routing key", routing_key.value_or(""));
    static_cast<void>(queue.to_declare());
    exchange_flags.check(exchange.value_or(""));
    static_cast<void>(format.formatter(cli::Format::lines));
    if (connect.check && !sends_hello()) {
        throw cli::UsageError("--check sends nothing: leave the messages out");
    }
    properties.parse();
}

}  // namespace sending
