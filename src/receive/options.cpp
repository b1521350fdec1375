#include "options.hpp"

#include "cli11.hpp"
#include "failure.hpp"
#include "field_option.hpp"
#include "parse_number.hpp"
#include "rabbit/error.hpp"
#include "runnable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <limits>

namespace receiving {
namespace {

void add_ending(CLI::App& app, Options& options) {
    constexpr auto group = "Ending";
    cli::add_number<std::uint64_t>(app, "-n,--count", options.count, 1, 1'000'000'000'000,
                                   "Stop after N messages, with exactly N taken off the queue")
        ->group(group);
    cli::add_seconds(app, "-t,--timeout", options.timeout, 0.001, 1e9, "Stop after this long in total")->group(group);
    cli::add_seconds(app, "--idle", options.idle, 0, 1e9, "Stop after this long without a message")->group(group);
    app.add_flag("--drain", options.drain, "Stop when the queue is empty")->group(group);
}

void add_output(CLI::App& app, Options& options) {
    constexpr auto group = "Output";
    auto* format =
        cli::add_choice<Format>(app, "--format", options.format,
                                {{"hello", Format::hello},
                                 {"text", Format::text},
                                 {"raw", Format::raw},
                                 {"lines", Format::lines},
                                 {"null", Format::null},
                                 {"json", Format::json}},
                                "hello: as the tutorials print it (the default); text: one line a message, "
                                "safe on a terminal; raw: the bytes; lines, null: the bytes and a newline or "
                                "NUL; json: one record a line")
            ->group(group);
    app.add_option("--template", options.format_template,
                   "Print each message as FMT: {body} {size} {exchange} {routing_key} {delivery_tag} {redelivered} "
                   "{headers} and every property by its name, with fmt's format specifications, \\n, \\t and \\0")
        ->type_name("FMT")
        ->excludes(format)
        ->group(group);
}

void add_acking(CLI::App& app, Options& options) {
    constexpr auto group = "Acking";
    cli::add_choice<AckMode>(app, "--ack", options.ack, {{"auto", AckMode::automatic}, {"written", AckMode::written}},
                             "auto: at most once (the default); written: at least once (the default with --count, "
                             "--drain, --offset and COMMAND)")
        ->group(group);
    cli::add_number<std::uint16_t>(app, "--prefetch", options.prefetch, 1, 65535,
                                   "Maximum number of unacknowledged messages in flight, with --ack written")
        ->group(group);
}

void add_command(CLI::App& app, Options& options) {
    constexpr auto group = "Command";
    auto* command =
        app.add_option("COMMAND", options.command,
                       "Run COMMAND for each message, the body on its standard input, the properties in "
                       "AMQP_ROUTING_KEY, AMQP_CONTENT_TYPE, ..., AMQP_HEADERS; if it succeeds, the message "
                       "is acked")
            ->type_name("");
    cli::add_choice<OnFailure>(
        app, "--on-failure", options.on_failure,
        {{"stop", OnFailure::stop}, {"requeue", OnFailure::requeue}, {"reject", OnFailure::reject}},
        "When COMMAND fails: stop and give the message back (the default); requeue it; reject "
        "it, which dead-letters it if the queue is set up for that")
        ->needs(command)
        ->group(group);
    for (const auto* output : {"--format", "--template"}) {
        app.get_option(output)->excludes(command);
    }
}

void add_consumer(CLI::App& app, Options& options) {
    constexpr auto group = "Queue";
    auto* bind =
        cli::add_repeatable(app, "-b,--bind", options.bindings,
                            "Bind the queue to EXCHANGE (repeatable); without --queue, an exclusive queue that "
                            "the broker names")
            ->type_name("EXCHANGE[:KEY]")
            ->group(group);
    cli::add_repeatable(app, "--bind-arg", options.binding_arguments,
                        "Bind with this argument, for headers exchanges (repeatable)")
        ->type_name("KEY[:TYPE]=VALUE")
        ->needs(bind)
        ->group(group);
    app.add_flag("--exclusive", options.exclusive, "Be the queue's only consumer")->group(group);
    app.add_option("--consumer-tag", options.consumer_tag, "The consumer's name in the broker's listings")
        ->type_name("TAG")
        ->group(group);
    app.add_option("--offset", options.offset,
                   "Where to begin in a stream; TIMESTAMP is @SECONDS since 1970 or a time "
                   "like 2026-01-31T12:00:00Z")
        ->check(CLI::Validator(
            [](const std::string& text) { return text.empty() ? std::string("the offset is empty") : std::string(); },
            ""))
        ->type_name("first|last|next|N|TIMESTAMP")
        ->group(group);
}

rabbit::Value parse_offset(const std::string& text) {
    if (text == "first" || text == "last" || text == "next") {
        return {text};
    }
    if (const auto offset = cli::parse_number<std::int64_t>(text, 0, std::numeric_limits<std::int64_t>::max())) {
        return {*offset};
    }
    if (const auto seconds = cli::parse_number<std::uint64_t>(text.substr(1)); seconds && text.starts_with('@')) {
        return {rabbit::Timestamp{*seconds}};
    }
    std::tm time{};
    const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &time);
    if (!end || *end != '\0') {
        throw cli::UsageError("--offset '" + text +
                              "': expected first, last, next, a number, @SECONDS or a time like "
                              "2026-01-31T12:00:00Z");
    }
    return {rabbit::Timestamp{static_cast<std::uint64_t>(timegm(&time))}};
}

}  // namespace

void Options::add_to(CLI::App& app) {
    add_ending(app, *this);
    add_output(app, *this);
    add_acking(app, *this);
    add_command(app, *this);
    queue.add_to(app);
    app.get_option("--queue")->each([this](const std::string&) { queue_given = true; });
    add_consumer(app, *this);
    connect.add_to(app);
    verbosity.add_to(app);
}

void check_operand(const std::string& word) {
    const bool may_hold_password = word.starts_with("amqp:") || word.starts_with("amqps:") ||
                                   word.find("://") != word.npos || word.find('@') != word.npos;
    throw cli::UsageError(may_hold_password
                              ? "the broker's URL goes to --url; to run something as COMMAND write -- before it"
                              : fmt::format("'{0}' is not an option; to run it as COMMAND write -- {0}", word));
}

void Options::check() const {
    const auto refuse = [](const char* text) { throw cli::UsageError(text); };
    if (ack == AckMode::automatic && count) {
        refuse("--count with --ack auto: the broker would send, and count as taken, more messages than wanted");
    }
    if (ack == AckMode::automatic && prefetch) {
        refuse("--prefetch with --ack auto: the broker limits only messages that are still to be acked");
    }
    if (ack == AckMode::automatic && on_failure.value_or(OnFailure::stop) != OnFailure::stop) {
        refuse("--on-failure with --ack auto: the message is off the queue before COMMAND runs");
    }
    if (ack_mode() == AckMode::automatic && prefetch) {
        refuse("--prefetch needs --ack written");
    }
    if (ack == AckMode::automatic && is_stream()) {
        refuse("--ack auto: a stream must be read with --ack written");
    }
    if (drain && is_stream()) {
        refuse("--drain: a stream is never empty; use --idle");
    }
    if (queue_given && queue.name.empty()) {
        refuse("--queue: the name is empty");
    }
    if (has_own_queue() && (queue.type == "quorum" || queue.type == "stream")) {
        refuse(
            "--bind with --queue-type quorum or stream needs --queue: the broker names only queues that end with "
            "their connection");
    }
    if (is_stream() && !command.empty() && on_failure.value_or(OnFailure::stop) != OnFailure::stop) {
        refuse("--on-failure requeue and reject: a stream takes nothing back and rejects nothing");
    }
    if (queue.no_declare && has_own_queue()) {
        refuse("--bind needs --queue when nothing is to be declared");
    }
    rabbit::check_short_string("queue name", queue.name);
    rabbit::check_short_string("consumer tag", consumer_tag);
    static_cast<void>(queue.to_declare());
    static_cast<void>(formatter());
    if (!command.empty()) {
        check_runnable(command);
    }
    for (const auto& [exchange, routing_key] : sources()) {
        rabbit::check_short_string("exchange name", exchange);
        rabbit::check_short_string("routing key", routing_key);
    }
    static_cast<void>(parsed_binding_arguments());
    static_cast<void>(consumer_arguments());
}

AckMode Options::ack_mode() const noexcept {
    const bool needs_written = count || drain || !command.empty() || is_stream();
    return ack.value_or(needs_written ? AckMode::written : AckMode::automatic);
}

std::uint16_t Options::prefetch_count() const noexcept {
    constexpr std::uint16_t usual = 1000;
    if (ack_mode() == AckMode::automatic) {
        return 0;
    }
    // A prefetch of 1 shares the work fairly. With --count it also keeps the broker from sending a message beyond the
    // last one wanted.
    const auto wanted = prefetch.value_or(command.empty() ? usual : std::uint16_t{1});
    if (!command.empty() && count) {
        return 1;
    }
    return static_cast<std::uint16_t>(std::min<std::uint64_t>(wanted, count.value_or(wanted)));
}

Formatter Options::formatter() const {
    return format_template ? Formatter(Template(*format_template)) : Formatter(format);
}

std::vector<rabbit::Address> Options::sources() const {
    std::vector<rabbit::Address> result;
    for (const auto& binding : bindings) {
        const auto colon = binding.find(':');
        result.push_back({.exchange = binding.substr(0, colon),
                          .routing_key = colon == std::string::npos ? "" : binding.substr(colon + 1)});
        if (result.back().exchange.empty()) {
            throw cli::UsageError("--bind '" + binding + "': the exchange's name is empty");
        }
    }
    return result;
}

rabbit::Table Options::parsed_binding_arguments() const {
    rabbit::Table table;
    for (const auto& argument : binding_arguments) {
        table.push_back(cli::parse_header("--bind-arg", argument));
    }
    return table;
}

rabbit::Table Options::consumer_arguments() const {
    if (offset.empty()) {
        return {};
    }
    const auto value = parse_offset(offset);
    return {{"x-stream-offset", value}};
}

}  // namespace receiving
