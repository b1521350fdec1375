#include "options.hpp"

#include "failure.hpp"
#include "field_option.hpp"
#include "number_option.hpp"
#include "runnable.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <ctime>

namespace receiving {
namespace {

using Seconds = Options::Seconds;

/// An option whose values have names.
template <class Value, class To>
CLI::Option* add_choice(CLI::App& app, const std::string& option, To& to,
                        std::vector<std::pair<std::string, Value>> choices, const std::string& description) {
    std::vector<std::string> names;
    for (const auto& [name, value] : choices) {
        names.push_back(name);
    }
    return app
        .add_option_function<std::string>(
            option,
            [&to, choices, option, names](const std::string& text) {
                const auto found = std::find(names.begin(), names.end(), text);
                if (found == names.end()) {
                    throw CLI::ValidationError(option, fmt::format("'{}' is none of {}", text, fmt::join(names, ", ")));
                }
                to = choices[static_cast<std::size_t>(found - names.begin())].second;
            },
            description)
        ->type_name(fmt::format("{}", fmt::join(names, "|")));
}

void add_ending(CLI::App& app, Options& options) {
    constexpr auto group = "Ending";
    app.add_option("-n,--count", options.count, "After N messages, with exactly N taken off the queue")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000'000}).description(""))
        ->type_name("N")
        ->group(group);
    const auto add_seconds = [&](const char* name, double least, std::optional<Seconds>& to, const char* description) {
        app.add_option_function<double>(name, [&to](double seconds) { to = Seconds(seconds); }, description)
            ->check(cli::number_between(least, 1e9))
            ->type_name("SECONDS")
            ->group(group);
    };
    add_seconds("-t,--timeout", 0.001, options.timeout, "After so long in all");
    add_seconds("--idle", 0, options.idle, "After so long without a message");
    app.add_flag("--drain", options.drain, "When the queue is empty")->group(group);
}

void add_output(CLI::App& app, Options& options) {
    constexpr auto group = "cli::Output";
    auto* format = add_choice<Format>(app, "--format", options.format,
                              {{"hello", Format::hello},
                               {"text", Format::text},
                               {"raw", Format::raw},
                               {"lines", Format::lines},
                               {"null", Format::null},
                               {"json", Format::json}},
                              "hello, the default; text: a line a message, safe on a terminal; raw: the bytes; "
                              "lines, null: and a newline or NUL; json: a record a line")
                       ->group(group);
    app.add_option("--template", options.format_template,
                   "As FMT says: {body} {size} {exchange} {routing_key} {delivery_tag} {redelivered} {headers} and "
                   "every property by its name, with fmt's format specifications, \\n, \\t and \\0")
        ->type_name("FMT")
        ->excludes(format)
        ->group(group);
    app.add_flag("-Q,--quiet", options.connect.quiet, "Messages only; say what went wrong and nothing else")->group(group);
}

void add_acking(CLI::App& app, Options& options) {
    constexpr auto group = "Acking";
    add_choice<AckMode>(app, "--ack", options.ack, {{"auto", AckMode::automatic}, {"written", AckMode::written}},
               "auto: at most once, the default; written: at least once, the default with --count, --drain, --offset "
               "and COMMAND")
        ->group(group);
    app.add_option("--prefetch", options.prefetch, "Messages on their way and not acked at most, with --ack written")
        ->check(CLI::Range(std::uint16_t{1}, std::uint16_t{65535}).description(""))
        ->type_name("N")
        ->group(group);
}

void add_command(CLI::App& app, Options& options) {
    constexpr auto group = "Command";
    auto* command = app.add_option("COMMAND", options.command,
                                   "Behind --: run for each message, the body on its standard input, properties in "
                                   "AMQP_ROUTING_KEY, AMQP_CONTENT_TYPE, ..., AMQP_HEADERS; success acks")
                        ->type_name("");
    add_choice<OnFailure>(app, "--on-failure", options.on_failure,
               {{"stop", OnFailure::stop}, {"requeue", OnFailure::requeue}, {"reject", OnFailure::reject}},
               "When COMMAND fails: stop, giving the message back (the default); requeue it; reject it, to be "
               "dead-lettered if the queue has it so")
        ->needs(command)
        ->group(group);
    for (const auto* output : {"--format", "--template"}) {
        app.get_option(output)->excludes(command);
    }
}

void add_consumer(CLI::App& app, Options& options) {
    constexpr auto group = "Queue";
    auto* bind = app.add_option("-b,--bind", options.bindings,
                                "Bind the queue to it (repeatable); without --queue an exclusive one that the broker "
                                "names")
                     ->type_name("EXCHANGE[:KEY]")
                     ->allow_extra_args(false)
                     ->group(group);
    app.add_option("--bind-arg", options.binding_arguments, "An argument of the bindings, for headers exchanges "
                                                            "(repeatable)")
        ->type_name("KEY[:TYPE]=VALUE")
        ->allow_extra_args(false)
        ->needs(bind)
        ->group(group);
    app.add_flag("--exclusive", options.exclusive, "Be the queue's only consumer")->group(group);
    app.add_option("--consumer-tag", options.consumer_tag, "The consumer's name in the broker's listings")
        ->type_name("TAG")
        ->group(group);
    app.add_option("--offset", options.offset, "Where to begin in a stream; TIMESTAMP is @SECONDS since 1970 or "
                                               "2026-01-31T12:00:00Z")
        ->check(CLI::Validator(
            [](const std::string& text) { return text.empty() ? std::string("the offset is empty") : std::string(); },
            ""))
        ->type_name("first|last|next|N|TIMESTAMP")
        ->group(group);
}

bool is_number(const std::string& text) {
    return !text.empty() && text.size() < 19 && text.find_first_not_of("0123456789") == std::string::npos;
}

rabbit::Value parse_offset(const std::string& text) {
    if (text == "first" || text == "last" || text == "next") {
        return {text};
    }
    if (is_number(text)) {
        return {static_cast<std::int64_t>(std::stoll(text))};
    }
    if (text.starts_with('@') && is_number(text.substr(1))) {
        return {rabbit::Timestamp{std::stoull(text.substr(1))}};
    }
    std::tm time{};
    const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &time);
    if (!end || *end != '\0') {
        throw cli::Failure(cli::ExitCode::usage, "--offset " + text +
                                           ": expected first, last, next, a number, @SECONDS or a time like "
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
}

void Options::check() const {
    const auto refuse = [](const char* text) { throw cli::Failure(cli::ExitCode::usage, text); };
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
        refuse("--bind with --queue-type quorum or stream needs --queue: the broker names only queues that end with "
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
    // One at a time shares the work between several receivers, and lets the broker keep what the last one wanted
    // was not.
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
            throw cli::Failure(cli::ExitCode::usage, "--bind " + binding + ": the exchange's name is empty");
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
