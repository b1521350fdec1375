#include "options.hpp"

#include "cli11.hpp"
#include "failure.hpp"
#include "field_option.hpp"
#include "rabbit/error.hpp"
#include "runnable.hpp"
#include "stream_offset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace receiving {
namespace {

void add_ending(CLI::App& app, Options& options) {
    constexpr auto group = "Ending";
    cli::add_number<std::uint64_t>(
        app, "-n,--count", options.count, 0, 1'000'000'000'000,
        "Stop after N messages, with exactly N taken off the queue; 0: only declare and bind")
        ->group(group);
    cli::add_seconds(app, "-t,--timeout", options.timeout, 0.001, 1e9, "Stop after this long in total")->group(group);
    cli::add_seconds(app, "--idle", options.idle, 0, 1e9, "Stop after this long without a message")->group(group);
    app.add_flag("--drain", options.drain, "Stop when the queue is empty")->group(group);
    cli::add_number<std::uint64_t>(app, "--peek", options.peek, 1, 65535,
                                   "Show up to N messages from the front of the queue and leave it as it was; they are "
                                   "marked as redelivered")
        ->type_name("[N]")
        ->default_str("10")
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
    app.add_flag("--reply", options.reply,
                 "Publish what COMMAND writes to standard output as the answer to the message, before it is acked")
        ->needs(command)
        ->group(group);
    for (const auto* output : {"--format", "--template"}) {
        app.get_option(output)->excludes(command);
    }
}

void add_consumer(CLI::App& app, Options& options) {
    constexpr auto group = "Queue";
    options.bindings.add_to(app, group);
    app.add_flag("--exclusive", options.exclusive, "Be the queue's only consumer")->group(group);
    app.add_option("--consumer-tag", options.consumer_tag, "The consumer's name in the broker's listings")
        ->type_name("TAG")
        ->group(group);
    app.add_flag("--exclusive-queue", options.queue.exclusive,
                 "Declare the queue for this connection alone; it is deleted at its end")
        ->excludes(app.get_option("--no-declare"))
        ->group(group);
    app.add_flag("--purge", options.purge, "Empty the queue first, and say how many messages went")->group(group);
    cli::add_repeatable(app, "--consumer-arg", options.consumer_arguments,
                        "Consume with this argument, such as x-priority or x-stream-filter (repeatable)")
        ->type_name("KEY[:TYPE]=VALUE")
        ->group(group);
    app.add_option("--offset", options.offset,
                   "Where to begin in a stream; TIMESTAMP is @SECONDS since 1970 or a time like "
                   "2026-01-31T12:00:00Z; INTERVAL is how long ago, as 10m, 1h or 7D")
        ->check(CLI::Validator(
            [](const std::string& text) { return text.empty() ? std::string("the offset is empty") : std::string(); },
            ""))
        ->type_name("first|last|next|N|TIMESTAMP|INTERVAL")
        ->group(group);
}

/// A peek takes nothing.
void exclude_from_peek(CLI::App& app) {
    auto* peek = app.get_option("--peek");
    for (const auto* taking : {"--count", "--idle", "--drain", "--ack", "--prefetch", "--purge", "--exclusive",
                               "--exclusive-queue", "--bind", "--durable", "--queue-arg", "--auto-delete", "COMMAND"}) {
        app.get_option(taking)->excludes(peek);
    }
}

}  // namespace

void Options::add_to(CLI::App& app) {
    add_ending(app, *this);
    format.add_to(app, "Output", "a message", "hello; with --peek, pretty");
    add_acking(app, *this);
    add_command(app, *this);
    queue.add_to(app);
    app.get_option("--queue")->each([this](const std::string&) { queue_given = true; });
    add_consumer(app, *this);
    connect.add_to(app);
    verbosity.add_to(app);
    exclude_from_peek(app);
}

void check_operand(const std::string& word) {
    const bool may_hold_password = word.starts_with("amqp:") || word.starts_with("amqps:") ||
                                   word.find("://") != std::string::npos || word.find('@') != std::string::npos;
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
    if (purge && has_own_queue()) {
        refuse("--purge with --bind needs --queue: the queue that the broker names is new");
    }
    if (purge && is_stream()) {
        refuse("--purge: a stream cannot be emptied");
    }
    if (count == 0 && has_own_queue()) {
        refuse("--count 0 with --bind needs --queue: the queue that the broker names ends with the connection");
    }
    if (connect.check && !command.empty()) {
        refuse("--check runs nothing: leave COMMAND out");
    }
    if (reply && ack == AckMode::automatic) {
        refuse("--reply with --ack auto: a request would be off its queue before it is answered");
    }
    if (reply && is_stream()) {
        refuse("--reply: a stream's messages are no requests, since every reader gets them");
    }
    if (queue.no_declare && has_own_queue()) {
        refuse("--bind needs --queue when nothing is to be declared");
    }
    rabbit::check_short_string("queue name", queue.name);
    rabbit::check_short_string("consumer tag", consumer_tag);
    static_cast<void>(queue.to_declare());
    static_cast<void>(formatter());
    bindings.check();
    static_cast<void>(parsed_consumer_arguments());
    if (!offset.empty()) {
        static_cast<void>(parse_offset(offset));
    }
    if (!command.empty()) {
        check_runnable(command);
    }
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

rabbit::Table Options::parsed_consumer_arguments() const {
    rabbit::Table table;
    for (const auto& argument : consumer_arguments) {
        table.push_back(cli::parse_argument("--consumer-arg", argument));
        if (table.back().name == "x-stream-offset") {
            throw cli::UsageError("--consumer-arg x-stream-offset: use --offset");
        }
    }
    return table;
}

}  // namespace receiving
