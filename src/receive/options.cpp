#include "options.hpp"

#include "cli11.hpp"
#include "failure.hpp"
#include "field_option.hpp"
#include "filter.hpp"
#include "rabbit/error.hpp"
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
                             "When a message is off the queue. auto: when it is sent, at most once (the default); "
                             "written: when it is written, at least once (the default with --count, --drain, --offset "
                             "and COMMAND)")
        ->group(group);
    cli::add_number<std::uint16_t>(app, "--prefetch", options.prefetch, 1, 65535,
                                   "Maximum number of unacknowledged messages in flight, with --ack written")
        ->group(group);
}

void add_filter(CLI::App& app, Options& options) {
    constexpr auto group = "Filter";
    auto* where = cli::add_repeatable(
        app, "--where", options.where,
        "Only take messages whose routing_key, exchange, property or headers.NAME matches GLOB (repeatable: all must)");
    where->type_name("NAME=GLOB")->group(group);
    cli::add_choice<bool>(app, "--unmatched", options.takes_unmatched, {{"keep", false}, {"take", true}},
                          "Messages that do not match: keep them in the queue (the default), or take them off it")
        ->needs(where)
        ->group(group);
}

void add_consumer(CLI::App& app, Options& options) {
    constexpr auto group = "Queue";
    auto& part = cli::add_part(app);
    options.bindings.add_to(part, group);
    part.add_flag("--exclusive", options.exclusive, "Be the queue's only consumer")->group(group);
    part.add_option("--consumer-tag", options.consumer_tag, "The consumer's name in the broker's listings")
        ->type_name("TAG")
        ->group(group);
    part.add_flag("--exclusive-queue", options.queue.exclusive,
                  "Declare the queue for this connection alone; it is deleted at its end")
        ->excludes(cli::find_option(app, "--no-declare"))
        ->group(group);
    part.add_flag("--purge", options.purge, "Empty the queue first, and say how many messages went")->group(group);
    cli::add_repeatable(part, "--consumer-arg", options.consumer_arguments,
                        "Consume with this argument, such as x-priority or x-stream-filter (repeatable)")
        ->type_name("KEY[:TYPE]=VALUE")
        ->group(group);
    part.add_option("--offset", options.offset,
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
    auto* peek = cli::find_option(app, "--peek");
    for (const auto* taking :
         {"--count", "--idle", "--drain", "--ack", "--prefetch", "--purge", "--exclusive", "--exclusive-queue",
          "--bind", "--durable", "--queue-arg", "--auto-delete", "--where", "COMMAND"}) {
        cli::find_option(app, taking)->excludes(peek);
    }
}

}  // namespace

void Options::add_operands_to(CLI::App& app) {
    command.add_operand_to(app);
}

void Options::add_to(CLI::App& app) {
    add_operands_to(app);
    add_ending(cli::add_part(app), *this);
    format.add_to(cli::add_part(app), "Output", "a message", "hello; with --peek, pretty");
    add_acking(cli::add_part(app), *this);
    add_filter(cli::add_part(app), *this);
    command.add_to(app);
    move.add_to(app);
    queue.add_to(cli::add_part(app));
    cli::find_option(app, "--queue")->each([this](const std::string&) { queue_given = true; });
    add_consumer(app, *this);
    connect.add_to(cli::add_part(app));
    verbosity.add_to(app);
    exclude_from_peek(app);
}

void Options::check() const {
    const auto refuse = [](const char* text) { throw cli::UsageError(text); };
    if (ack == AckMode::automatic && count) {
        refuse("--count with --ack auto: the broker would send, and count as taken, more messages than wanted");
    }
    if (ack == AckMode::automatic && prefetch) {
        refuse("--prefetch with --ack auto: the broker limits only messages that are still to be acked");
    }
    if (ack == AckMode::automatic && move.given()) {
        refuse("--ack auto with --to-queue and its like: a message would be off its queue before it is at its target");
    }
    if (ack == AckMode::automatic && keeps_unmatched()) {
        refuse("--where with --ack auto: messages that do not match would be off the queue; use --unmatched take");
    }
    if (takes_unmatched && is_stream()) {
        refuse("--unmatched take: nothing can be taken off a stream");
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
    if (purge && has_own_queue()) {
        refuse("--purge with --bind needs --queue: the queue that the broker names is new");
    }
    if (purge && is_stream()) {
        refuse("--purge: a stream cannot be emptied");
    }
    if (count == 0 && has_own_queue()) {
        refuse("--count 0 with --bind needs --queue: the queue that the broker names ends with the connection");
    }
    if (connect.check && command.given()) {
        refuse("--check runs nothing: leave COMMAND out");
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
    static_cast<void>(Filter(where));
    move.check(has_own_queue() ? "" : queue.name, connect);
    command.check(ack == AckMode::automatic, is_stream());
}

AckMode Options::ack_mode() const noexcept {
    const bool needs_written = count || drain || command.given() || move.given() || keeps_unmatched() || is_stream();
    return ack.value_or(needs_written ? AckMode::written : AckMode::automatic);
}

std::uint16_t Options::prefetch_count() const noexcept {
    constexpr std::uint16_t usual = 1000;
    constexpr std::uint16_t for_moving = 3000;
    constexpr std::uint16_t most = 65535;
    if (ack_mode() == AckMode::automatic) {
        return 0;
    }
    // Messages that do not match fill the prefetch. Of the others, as many as COMMANDs share the work fairly.
    const auto default_prefetch = command.given()     ? (keeps_unmatched() ? usual : command.jobs)
                                  : keeps_unmatched() ? most
                                  : move.given()      ? for_moving
                                                      : usual;
    const auto wanted = prefetch.value_or(default_prefetch);
    if (!where.empty()) {
        return wanted;
    }
    // The broker is not to send a message beyond the last one wanted.
    const auto at_once = command.given() && count ? std::min(wanted, command.jobs) : wanted;
    return static_cast<std::uint16_t>(std::min<std::uint64_t>(at_once, count.value_or(at_once)));
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
