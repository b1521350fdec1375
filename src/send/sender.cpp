#include "sender.hpp"

#include "destination.hpp"
#include "error_report.hpp"
#include "slow_reader.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include <unistd.h>

namespace sending {
namespace {

constexpr auto patience = std::chrono::seconds(2);  ///< with a broker that no longer answers, at an early end

template <class Step>
void attempt(const Step& step) {
    try {
        step();
    } catch (const std::exception&) {  // see settle_and_close()
    }
}

}  // namespace

Sender::Sender(const std::string& program, Options& options, rabbit::Connection& connection, std::string queue)
    : program_(program),
      options_(options),
      connection_(connection),
      several_(options.has_records() || options.messages.size() + options.files.size() > 1 || options.repeat > 1),
      output_(STDOUT_FILENO,
              [this](int descriptor) { cli::wait_for_reader(connection_, descriptor, reader_deadline_); }),
      report_({.program = program,
               .stream = options.has_records() || options.repeat > 1 || options.no_confirm,
               .shows_progress = !(options.reads_standard_input() && isatty(STDIN_FILENO)),
               .quiet = options.verbosity.quiet,
               .confirmed = !options.no_confirm,
               .repeat = options.repeat},
              output_),
      publisher_(connection, {.confirm = !options.no_confirm,
                              .window = options.window,
                              .confirm_timeout = options.confirm_limit(),
                              .on_settled = [this](const rabbit::Settlement& each) { report_.settled(each); },
                              .on_lost = [this](const rabbit::Error& error) { report_.lost(error.what()); },
                              .on_reopened = [this](std::size_t in_flight) { take_up_again(in_flight); }}),
      feeder_(
          options, std::move(queue),
          [this](const auto& address, auto body, const auto& properties) {
              publish(address, std::move(body), properties);
              return true;
          },
          [this](auto deadline, auto watched) {
              wait(deadline, watched);
              return true;
          }) {}

cli::ExitCode Sender::run(Source& source) {
    try {
        feeder_.feed(source);
        settle();
        output_.flush();
        if (connection_.blocked() && !options_.no_confirm) {  // it reads no connection.close either
            connection_.set_deadline(rabbit::Clock::now() + patience);
        }
        close();
    } catch (const rabbit::Error& error) {
        return end_early(naming_the_record(error));
    } catch (const std::exception& error) {
        return end_early(error);
    }
    report_.finish();
    return report_.exit_code();
}

void Sender::take_up_again(std::size_t in_flight) {
    declare_destination(connection_, options_);
    report_.reopened(connection_.endpoint().name(), in_flight);
}

void Sender::publish(const rabbit::Address& address, rabbit::Body body,
                     const std::shared_ptr<const rabbit::Properties>& properties) {
    output_.flush_if_full();
    const auto size = body.size();
    publisher_.publish(address, std::move(body), properties);
    report_.published(size);
}

void Sender::settle() {
    while (publisher_.in_flight() > 0) {
        wait({});
    }
}

/// Waits for anything, and shows what has come of it.
void Sender::wait(rabbit::Deadline deadline, std::span<pollfd> watched) {
    output_.flush();
    publisher_.wait(rabbit::earlier(deadline, report_.progress_due()), watched);
    output_.flush();
    report_.show_progress(feeder_.share());
}

/// Waits for the confirms of what is in flight while they keep coming, shows them, and closes the connection.
/// Somebody who interrupts wants an end, and a broker that takes no messages confirms none: then 2 s in all are
/// enough. What fails is not reported: there is an error already, and what cannot be waited for counts as not
/// confirmed.
void Sender::settle_and_close(bool interrupted) {
    const auto limit = rabbit::Clock::now() + patience;
    const auto deadline = [&] {
        return interrupted || connection_.blocked() ? limit : rabbit::Clock::now() + patience;
    };
    reader_deadline_ = deadline();
    attempt([&] {
        for (auto before = publisher_.in_flight(); before > 0; before = publisher_.in_flight()) {
            const auto until = deadline();
            if (publisher_.settle(until) || publisher_.in_flight() == before || until == limit) {
                break;
            }
        }
    });
    attempt([&] { output_.flush(); });
    attempt([&] {
        connection_.set_deadline(deadline());
        close();
    });
}

/// When all is confirmed, a connection that cannot be closed in order has lost nothing.
void Sender::close() {
    try {
        connection_.close();
    } catch (const rabbit::Error& error) {
        if (options_.no_confirm) {
            throw rabbit::Error(error.kind(), "messages sent without confirms may be lost", error.cause(),
                                error.reply_code());
        }
    }
}

/// Reports what happened and how far things came, after waiting for what is in flight where that is possible.
cli::ExitCode Sender::end_early(const std::exception& error) {
    report_.clear_progress();
    const auto code = cli::report_error(program_, error);
    const auto* cause = dynamic_cast<const rabbit::Error*>(&error);
    settle_and_close(cause && cause->kind() == rabbit::ErrorKind::interrupted);
    if (code == cli::ExitCode::bad_input && report_.published() == 0) {
        return code;  // it names the first record
    }
    report_.finish();
    if (several_ && code != cli::ExitCode::reader_gone) {
        report_.resume_point(publisher_.first_unsettled());
    }
    return code;
}

/// RabbitMQ closes the channel over a message larger than its max_message_size, and names only the size.
rabbit::Error Sender::naming_the_record(const rabbit::Error& error) const {
    const auto refused = publisher_.find_in_flight([&error](std::string_view body) {
        return error.cause().find(fmt::format("message size {} ", body.size())) != std::string::npos;
    });
    if (!refused) {
        return error;
    }
    return {error.kind(), fmt::format("the broker refused record {}", report_.record_of(*refused)), error.cause(),
            error.reply_code()};
}

}  // namespace sending
