#include "command_flags.hpp"

#include "cli11.hpp"
#include "failure.hpp"
#include "parse_number.hpp"
#include "runnable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace receiving {
namespace {

constexpr auto group = "Command";

std::optional<Fate> fate_named(std::string_view name) {
    return name == "ack"       ? std::optional(Fate::ack)
           : name == "requeue" ? std::optional(Fate::requeue)
           : name == "reject"  ? std::optional(Fate::reject)
           : name == "stop"    ? std::optional(Fate::stop)
                               : std::nullopt;
}

}  // namespace

void CommandFlags::add_operand_to(CLI::App& app) {
    app.add_option("COMMAND", words,
                   "Run COMMAND for each message, the body on its standard input, the properties in AMQP_ROUTING_KEY, "
                   "AMQP_CONTENT_TYPE, ..., AMQP_HEADERS; if it succeeds, the message is acked")
        ->type_name("");
}

void CommandFlags::add_to(CLI::App& app) {
    auto* command = cli::find_option(app, "COMMAND");
    auto& part = cli::add_part(app);
    cli::add_number<std::uint16_t>(part, "--jobs", jobs, 1, 1000, "Run up to N COMMANDs at once")
        ->default_str("1")
        ->needs(command)
        ->group(group);
    cli::add_seconds(part, "--command-timeout", timeout, 0.001, 1e9,
                     "End a COMMAND that runs for longer, by SIGTERM and 5 s later SIGKILL; it has failed then")
        ->needs(command)
        ->group(group);
    cli::add_choice<Fate>(
        part, "--on-failure", on_failure, {{"stop", Fate::stop}, {"requeue", Fate::requeue}, {"reject", Fate::reject}},
        "When COMMAND fails: stop and give the message back (the default); requeue it (the default with --attempts); "
        "reject it, which dead-letters it if the queue is set up for that")
        ->needs(command)
        ->group(group);
    cli::add_repeatable(part, "--exit", exits,
                        "When COMMAND ends with status CODE: ack, requeue, reject or stop (repeatable)")
        ->type_name("CODE=ack|requeue|reject|stop")
        ->needs(command)
        ->group(group);
    cli::add_number<std::uint64_t>(part, "--attempts", attempts, 1, 1'000'000,
                                   "Reject a message that COMMAND has failed on N times")
        ->needs(command)
        ->group(group);
    part.add_flag("--reply", reply,
                  "Publish what COMMAND writes to standard output as the answer to the message, before it is acked")
        ->needs(command)
        ->group(group);
    for (const auto* output : {"--format", "--template"}) {
        cli::find_option(app, output)->excludes(command);
    }
}

std::map<int, Fate> CommandFlags::fates() const {
    std::map<int, Fate> result;
    for (const auto& text : exits) {
        const auto equals = text.find('=');
        const auto code = cli::parse_number<int>(text.substr(0, equals), 0, 255);
        const auto fate = equals == std::string::npos ? std::nullopt : fate_named(text.substr(equals + 1));
        if (!code || !fate) {
            throw cli::UsageError(
                fmt::format("--exit '{}': expected CODE=ack, requeue, reject or stop, with CODE from 0 to 255", text));
        }
        if (!result.emplace(*code, *fate).second) {
            throw cli::UsageError(fmt::format("--exit: status {} is given twice", *code));
        }
    }
    return result;
}

void CommandFlags::check(bool automatic_acks, bool from_stream) const {
    const auto refuse = [](const char* text) { throw cli::UsageError(text); };
    const auto own = fates();
    const auto has = [&](Fate fate) {
        return fate_of_failure() == fate ||
               std::any_of(own.begin(), own.end(), [fate](const auto& each) { return each.second == fate; });
    };
    const bool decides = has(Fate::requeue) || has(Fate::reject);
    if (automatic_acks && decides) {
        refuse(attempts     ? "--attempts with --ack auto: the message is off the queue before COMMAND runs"
               : on_failure ? "--on-failure with --ack auto: the message is off the queue before COMMAND runs"
                            : "--exit with --ack auto: the message is off the queue before COMMAND runs");
    }
    if (from_stream && attempts) {
        refuse("--attempts: a stream takes nothing back and rejects nothing");
    }
    if (from_stream && decides) {
        refuse("--on-failure and --exit with requeue or reject: a stream takes nothing back and rejects nothing");
    }
    if (attempts && !has(Fate::requeue)) {
        refuse("--attempts needs a failure that is tried again: --on-failure requeue, or --exit CODE=requeue");
    }
    if (reply && automatic_acks) {
        refuse("--reply with --ack auto: a request would be off its queue before it is answered");
    }
    if (reply && from_stream) {
        refuse("--reply: a stream's messages are no requests, since every reader gets them");
    }
    if (given()) {
        check_runnable(words);
    }
}

void check_operand(const std::string& word) {
    const bool may_hold_password = word.starts_with("amqp:") || word.starts_with("amqps:") ||
                                   word.find("://") != std::string::npos || word.find('@') != std::string::npos;
    throw cli::UsageError(may_hold_password
                              ? "the broker's URL goes to --url; to run something as COMMAND write -- before it"
                              : fmt::format("'{0}' is not an option; to run it as COMMAND write -- {0}", word));
}

}  // namespace receiving
