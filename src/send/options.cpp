#include "options.hpp"

#include "failure.hpp"
#include "number_option.hpp"
#include "rabbit/error.hpp"

#include <algorithm>

namespace sending {
namespace {

/// Whoever gives a rate of 0 means no limit.
CLI::Validator not_zero() {
    return CLI::Validator(
        [](const std::string& text) -> std::string {
            const bool zero = !text.empty() && text.find_first_not_of("0.") == std::string::npos;
            return zero ? "a rate of 0 would send nothing; leave --rate out to send without a limit" : "";
        },
        "");
}

void add_sources(CLI::App& app, Options& options) {
    constexpr auto group = "Messages";
    auto* messages =
        app.add_option("MESSAGE", options.messages, "Each is one message; - is all of standard input as one message. "
                                                    "Without MESSAGE and any input option: Hello World!")
            ->type_name("");
    app.add_option("-f,--file", options.files, "Send a file as one message, or with --lines, --null or --json its "
                                               "records (repeatable; - is standard input)")
        ->type_name("FILE")
        ->allow_extra_args(false)
        ->excludes(messages)
        ->group(group);
    auto* lines = app.add_flag("-l,--lines", options.lines, "Send each line of the input as a message")
                      ->excludes(messages)
                      ->group(group);
    auto* null = app.add_flag("-0,--null", options.null, "Send each part of the input that ends with a NUL")
                     ->excludes(messages, lines)
                     ->group(group);
    app.add_flag("--json", options.json, "Send JSON records, as receive --format json writes them: one after the "
                                         "other, or in an array")
        ->excludes(messages, lines, null)
        ->group(group);
    app.add_option("--repeat", options.repeat, "Send each message this many times")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000'000}).description(""))
        ->type_name("N")
        ->group(group);
    app.add_option("--rate", options.rate, "Send at most this many messages per second")
        ->check(not_zero())
        ->check(cli::number_between(1e-6, 1e9))
        ->type_name("N")
        ->group(group);
}

void add_address(CLI::App& app, Options& options) {
    constexpr auto group = "Exchange";
    auto* queue = app.get_option("--queue");
    auto* exchange = app.add_option("-e,--exchange", options.exchange, "Publish to this exchange; declare no queue")
                         ->type_name("NAME")
                         ->excludes(queue)
                         ->group(group);
    auto* key = app.add_option("-k,--routing-key", options.routing_key, "Publish with this routing key")
        ->type_name("KEY")
        ->excludes(queue)
        ->group(group);
    for (const auto* declaring : {"--durable", "--queue-type", "--queue-arg"}) {
        app.get_option(declaring)->excludes(exchange, key);
    }
}

void add_delivery(CLI::App& app, Options& options) {
    constexpr auto group = "Delivery";
    auto* no_confirm = app.add_flag("--no-confirm", options.no_confirm, "Fire and forget: wait for no confirms, and "
                                                                        "lose messages that no queue takes")
                           ->group(group);
    app.add_option("--window", options.window, "Maximum number of unconfirmed messages in flight")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}).description(""))
        ->type_name("N")
        ->capture_default_str()
        ->excludes(no_confirm)
        ->group(group);
    app.add_option_function<double>(
           "--confirm-timeout",
           [&options](double seconds) { options.confirm_timeout = std::chrono::duration<double>(seconds); },
           "Give up when no confirm has come for this long, even if the broker is short of memory or disk and takes no "
           "messages; 0: never")
        ->check(cli::number_between(0, 1e9))
        ->type_name("SECONDS")
        ->default_str("60")
        ->excludes(no_confirm)
        ->group(group);
    app.add_flag("-Q,--quiet", options.connect.quiet, "Say only what went wrong")->group(group);
}

}  // namespace

void Options::add_to(CLI::App& app) {
    add_sources(app, *this);
    queue.add_to(app);
    app.get_option("--queue")->each([this](const std::string&) { queue_given = true; });
    add_address(app, *this);
    properties.add_to(app);
    add_delivery(app, *this);
    connect.add_to(app);
}

bool Options::reads_standard_input() const {
    const auto has = [](const std::vector<std::string>& names) {
        return std::find(names.begin(), names.end(), "-") != names.end();
    };
    return (has_records() && files.empty()) || has(messages) || has(files);
}

void Options::check() {
    if (routing_key && !exchange && !json) {
        throw cli::Failure(cli::ExitCode::usage, "--routing-key needs --exchange (or use --queue for the default exchange)");
    }
    if (std::count(messages.begin(), messages.end(), "-") > 1) {
        throw cli::Failure(cli::ExitCode::usage, "- stands for all of standard input, which can be read once only");
    }
    if (std::count(files.begin(), files.end(), "-") > 1) {
        throw cli::Failure(cli::ExitCode::usage, "--file -: standard input can be read once only");
    }
    if (queue_given && queue.name.empty()) {
        throw cli::Failure(cli::ExitCode::usage, "--queue: the name is empty");
    }
    rabbit::check_short_string("queue name", queue.name);
    rabbit::check_short_string("exchange name", exchange.value_or(""));
    rabbit::check_short_string("routing key", routing_key.value_or(""));
    static_cast<void>(queue.to_declare());
    properties.parse();
}

}  // namespace sending
