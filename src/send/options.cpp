#include "options.hpp"

#include "failure.hpp"
#include "number_option.hpp"
#include "rabbit/error.hpp"

#include <algorithm>

namespace sending {
namespace {

void add_sources(CLI::App& app, Options& options) {
    constexpr auto group = "Messages";
    auto* messages =
        app.add_option("MESSAGE", options.messages, "Each a message of its own; - is all of standard input. Without "
                                                    "any and without an input option: Hello World!")
            ->type_name("");
    app.add_option("-f,--file", options.files, "One message a file, or with --lines, --null, --json its records "
                                               "(repeatable; - is standard input)")
        ->type_name("FILE")
        ->allow_extra_args(false)
        ->excludes(messages)
        ->group(group);
    auto* lines = app.add_flag("-l,--lines", options.lines, "Each line of the input is a message")
                      ->excludes(messages)
                      ->group(group);
    auto* null = app.add_flag("-0,--null", options.null, "The same, with NUL for the newline")
                     ->excludes(messages, lines)
                     ->group(group);
    app.add_flag("--json", options.json, "Each line is a JSON record, as receive --format json writes them")
        ->excludes(messages, lines, null)
        ->group(group);
    app.add_option("--repeat", options.repeat, "Send each message so many times")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000'000}).description(""))
        ->type_name("N")
        ->group(group);
    app.add_option("--rate", options.rate, "Messages a second at most")
        ->check(cli::number_between(1e-6, 1e9))
        ->type_name("N")
        ->group(group);
}

void add_address(CLI::App& app, Options& options) {
    constexpr auto group = "Exchange";
    auto* queue = app.get_option("--queue");
    auto* exchange = app.add_option("-e,--exchange", options.exchange, "Publish to it; no queue is declared")
                         ->type_name("NAME")
                         ->excludes(queue)
                         ->group(group);
    auto* key = app.add_option("-k,--routing-key", options.routing_key, "With which routing key")
        ->type_name("KEY")
        ->excludes(queue)
        ->group(group);
    for (const auto* declaring : {"--durable", "--queue-type", "--queue-arg"}) {
        app.get_option(declaring)->excludes(exchange, key);
    }
}

void add_delivery(CLI::App& app, Options& options) {
    constexpr auto group = "Delivery";
    auto* no_confirm = app.add_flag("--no-confirm", options.no_confirm, "Fire and forget: neither confirmed nor "
                                                                        "returned")
                           ->group(group);
    app.add_option("--window", options.window, "Messages in flight at most")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}).description(""))
        ->type_name("N")
        ->capture_default_str()
        ->excludes(no_confirm)
        ->group(group);
    app.add_option_function<double>(
           "--confirm-timeout",
           [&options](double seconds) { options.confirm_timeout = std::chrono::duration<double>(seconds); },
           "How long no confirm may come while some are due; 0 is for ever")
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
