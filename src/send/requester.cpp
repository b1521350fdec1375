#include "requester.hpp"

#include "destination.hpp"
#include "error_report.hpp"
#include "parse_number.hpp"
#include "rabbit/error.hpp"
#include "repr.hpp"
#include "say.hpp"
#include "slow_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <random>
#include <utility>

#include <unistd.h>

namespace sending {
namespace {

using rabbit::Clock;

constexpr auto patience_at_end = std::chrono::seconds(2);  ///< with the broker, once the run is over

std::string random_id() {
    std::random_device random;
    return fmt::format("{:08x}{:08x}-", random(), random());
}

}  // namespace

Requester::Requester(const std::string& program, Options& options, rabbit::Connection& connection, std::string queue)
    : program_(program),
      options_(options),
      connection_(connection),
      ends_at_(cli::after(Clock::now(), options.timeout)),
      run_id_(random_id()),
      formatter_(options.format.formatter(cli::Format::lines)),
      output_(STDOUT_FILENO,
              [this](int descriptor) { cli::wait_for_reader(connection_, descriptor, cli::with_patience(ends_at_)); }),
      report_({.program = program,
               .stream = options.has_records() || options.repeat > 1,
               .shows_progress = !(options.reads_standard_input() && isatty(STDIN_FILENO)) && !isatty(STDOUT_FILENO),
               .quiet = options.verbosity.quiet,
               .names_confirmed = false,
               .repeat = options.repeat},
              output_),
      consumer_(connection, {.queue = std::string(rabbit::direct_reply_to)}),
      publisher_(connection, {.window = options.window,
                              .confirm_timeout = options.confirm_limit(),
                              .on_settled = [this](const rabbit::Settlement& settlement) { settled(settlement); },
                              .on_lost = [this](const rabbit::Error& error) { report_.lost(error.what()); },
                              .on_reopened = [this](std::size_t) { reopened(); }}),
      feeder_(
          options, std::move(queue),
          [this](const auto& address, const auto& body, const auto& properties) {
              return ask(address, body, properties);
          },
          [this](auto deadline, auto watched) { return wait(deadline, watched); }) {}

cli::ExitCode Requester::run(Source& source) {
    try {
        feeder_.feed(source);
        while (!requests_.empty() && wait({})) {
        }
        input_left_ = !source.at_end();
        print_what_came();
    } catch (const std::exception& error) {
        return end_early(error);
    }
    close();
    report_.finish();
    say_what_is_missing("the time was up");
    return exit_code();
}

/// What was answered is answered, and nobody waits for the rest: a broker that is busy may take its time.
void Requester::close() {
    try {
        connection_.set_deadline(Clock::now() + patience_at_end);
        connection_.close();
    } catch (const rabbit::Error&) {
    }
}

/// A body larger than all the room goes alone.
bool Requester::has_room(std::size_t bytes) const noexcept {
    constexpr std::size_t most = std::size_t{8} << 20;
    return requests_.empty() || (requests_.size() < options_.window && bytes_ + bytes <= most);
}

bool Requester::ask(const rabbit::Address& address, const rabbit::Body& body,
                    const std::shared_ptr<const rabbit::Properties>& given) {
    while (!has_room(body.size())) {
        if (!wait({})) {
            return false;
        }
    }
    if (rabbit::passed(ends_at_)) {
        return false;
    }
    auto properties = given ? *given : rabbit::Properties();
    properties.correlation_id = fmt::format("{}{}", run_id_, first_ + requests_.size());
    properties.reply_to = rabbit::direct_reply_to;
    bytes_ += body.size();
    requests_.push_back({address, body, std::make_shared<rabbit::Properties>(std::move(properties))});
    try {
        publish(requests_.back());
    } catch (const rabbit::Error& error) {
        if (error.kind() == rabbit::ErrorKind::invalid) {  // nothing was asked
            bytes_ -= body.size();
            requests_.pop_back();
        }
        throw;
    }
    ++asked_;
    return true;
}

void Requester::publish(const Request& request) {
    output_.flush_if_full();
    publisher_.publish(request.address, request.body, request.properties);
    report_.published(request.body.size());
}

/// Waits for anything, and prints the answers that have come. False: the time is up.
bool Requester::wait(rabbit::Deadline deadline, std::span<pollfd> watched) {
    output_.flush();
    const auto until = rabbit::earlier(rabbit::earlier(deadline, ends_at_), report_.progress_due());
    publisher_.wait(until, watched);
    if (std::exchange(asks_again_, false)) {
        ask_again();
    }
    take_answers();
    print_answers();
    report_.show_progress(feeder_.share());
    return !rabbit::passed(ends_at_);
}

/// The number of the request of this run that a message with these properties belongs to; empty if there is none whose
/// answer is not printed.
std::optional<std::uint64_t> Requester::number_of(const std::shared_ptr<const rabbit::Properties>& properties) const {
    if (!properties || !properties->correlation_id) {
        return std::nullopt;
    }
    const std::string_view id = *properties->correlation_id;
    if (!id.starts_with(run_id_)) {
        return std::nullopt;
    }
    return cli::parse_number(id.substr(run_id_.size()), first_, first_ + requests_.size() - 1);
}

void Requester::settled(const rabbit::Settlement& settlement) {
    auto own = settlement;
    if (const auto number = number_of(settlement.properties())) {
        auto& request = requests_[*number - first_];
        request.confirmed = settlement.outcome == rabbit::Outcome::confirmed;
        request.failed = !request.confirmed && !request.answer;
        own.number = *number;  // the publisher counts again what is asked again
    }
    report_.settled(own);
}

void Requester::take_answers() {
    while (auto delivery = consumer_.next_arrived()) {
        const auto number = number_of(delivery->message.properties);
        if (!number || requests_[*number - first_].is_over()) {
            ++ignored_;
            continue;
        }
        bytes_ += delivery->message.body.size();
        requests_[*number - first_].answer = std::move(*delivery);
        ++answered_;
    }
}

/// Prints an answer once. If the write fails, the answer stays buffered.
void Requester::print(Request& request) {
    if (request.answer && !std::exchange(request.printed, true)) {
        formatter_.write(output_, *request.answer);
    }
}

void Requester::print_answers() {
    while (!requests_.empty() && requests_.front().is_over()) {
        auto& request = requests_.front();
        print(request);
        bytes_ -= request.body.size() + (request.answer ? request.answer->message.body.size() : 0);
        requests_.pop_front();
        ++first_;
    }
    output_.flush();
}

/// At the end, answers no longer wait for those before them.
void Requester::print_what_came() {
    for (auto& request : requests_) {
        print(request);
    }
    output_.flush();
}

/// Called once the connection is open again; the publisher then publishes what was not confirmed.
void Requester::reopened() {
    declare_destination(connection_, options_);
    consumer_.resume(std::string(rabbit::direct_reply_to));
    asks_again_ = true;
    const auto unanswered =
        std::count_if(requests_.begin(), requests_.end(), [](const auto& request) { return !request.is_over(); });
    cli::say("{}: connected to {} again; {} requests without an answer are asked again and may be answered twice\n",
             program_, connection_.endpoint().name(), unanswered);
}

void Requester::ask_again() {
    for (auto& request : requests_) {  // publishing may settle some, but removes none
        if (request.confirmed && !request.is_over()) {
            request.confirmed = false;
            publish(request);
        }
    }
}

cli::ExitCode Requester::end_early(const std::exception& error) {
    report_.clear_progress();
    const auto code = cli::report_error(program_, error);
    try {
        const bool input_failed = code == cli::ExitCode::bad_input || code == cli::ExitCode::no_input;
        while (input_failed && !requests_.empty() && wait({})) {  // what came before it is answered all the same
        }
        take_answers();
        print_answers();
        print_what_came();
    } catch (const std::exception&) {  // there is an error already
    }
    close();
    report_.finish();
    say_what_is_missing("the end");
    return code;
}

void Requester::say_what_is_missing(const char* before) const {
    if (ignored_ > 0 && !options_.verbosity.quiet) {
        cli::say("{}: {} answers were ignored: no request waits for them\n", program_, ignored_);
    }
    if (input_left_ && !options_.verbosity.quiet) {
        cli::say("{}: the input was not read to its end before {}\n", program_, before);
    }
    const auto waiting =
        std::find_if(requests_.begin(), requests_.end(), [](const auto& request) { return !request.is_over(); });
    if (waiting != requests_.end() && !options_.verbosity.quiet) {
        cli::say("{}: {} of {} requests were answered before {}; the first without an answer is record {}\n", program_,
                 answered_, asked_, before,
                 report_.record_of(first_ + static_cast<std::uint64_t>(waiting - requests_.begin())));
    }
}

cli::ExitCode Requester::exit_code() const noexcept {
    if (report_.exit_code() != cli::ExitCode::done || (answered_ == asked_ && !input_left_)) {
        return report_.exit_code();
    }
    return answered_ == 0 ? cli::ExitCode::nothing_came : cli::ExitCode::too_few_came;
}

}  // namespace sending
