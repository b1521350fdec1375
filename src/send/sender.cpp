#include "sender.hpp"

#include "connect.hpp"
#include "error_report.hpp"
#include "failure.hpp"
#include "output.hpp"
#include "rabbit/error.hpp"
#include "rabbit/publisher.hpp"
#include "report.hpp"
#include "say.hpp"
#include "signals.hpp"
#include "source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sending {
namespace {

/// Somebody piped or redirected data into standard input. It takes no part in what is sent, so it is not waited for.
bool has_unread_input() {
    struct stat status {};
    if (fstat(STDIN_FILENO, &status) != 0) {
        return false;
    }
    if (S_ISREG(status.st_mode)) {
        return lseek(STDIN_FILENO, 0, SEEK_CUR) < status.st_size;
    }
    int bytes = 0;
    return (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) && ioctl(STDIN_FILENO, FIONREAD, &bytes) == 0 &&
           bytes > 0;
}

std::optional<std::chrono::milliseconds> milliseconds(std::chrono::duration<double> timeout) {
    if (timeout.count() <= 0) {
        return std::nullopt;
    }
    return std::chrono::ceil<std::chrono::milliseconds>(timeout);
}

constexpr auto patience = std::chrono::seconds(2);  ///< with a broker that no longer answers, at an early end

/// One run of `send` over an open connection.
class Sender {
public:
    Sender(const std::string& program, Options& options, rabbit::Connection& connection, std::string queue)
        : program_(program),
          options_(options),
          connection_(connection),
          queue_(std::move(queue)),
          several_(options.has_records() || options.messages.size() + options.files.size() > 1 || options.repeat > 1),
          report_({.program = program,
                   .stream = options.has_records() || options.repeat > 1 || options.no_confirm,
                   .shows_progress = !(options.reads_standard_input() && isatty(STDIN_FILENO)),
                   .quiet = options.verbosity.quiet,
                   .confirmed = !options.no_confirm,
                   .repeat = options.repeat},
                  output_),
          publisher_(connection, {.confirm = !options.no_confirm,
                                  .window = options.window,
                                  .confirm_timeout = milliseconds(options.confirm_timeout),
                                  .on_settled = [this](const rabbit::Settlement& each) { report_.settled(each); },
                                  .on_lost = [this](const rabbit::Error& error) { report_.lost(error.what()); },
                                  .on_reopened = [this](std::size_t in_flight) { take_up_again(in_flight); }}) {}

    cli::ExitCode run(Source& source) {
        try {
            publish_all(source);
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

private:
    void take_up_again(std::size_t in_flight) {
        if (options_.to_queue()) {
            cli::declare(connection_, options_.queue);
        }
        report_.reopened(connection_.endpoint().name(), in_flight);
    }

    void publish_all(Source& source) {
        for (;;) {
            while (auto record = source.next()) {
                try {
                    publish(std::move(*record));
                } catch (const rabbit::Error& error) {
                    if (options_.json && error.kind() == rabbit::ErrorKind::invalid) {
                        throw source.malformed(error.what());
                    }
                    throw;
                }
            }
            if (source.at_end()) {
                return;
            }
            pollfd input{source.input().descriptor(), POLLIN, 0};
            wait({}, {&input, 1});
            if (input.revents != 0) {
                source.input().read();
            }
        }
    }

    void publish(cli::Record record) {
        const auto address = address_of(record);
        record.message.properties = options_.properties.apply(std::move(record.message.properties));
        for (auto left = options_.repeat; left > 1; --left) {
            publish(address, record.message);
        }
        publish(address, std::move(record.message));
    }

    void publish(const rabbit::Address& address, rabbit::Message message) {
        keep_rate();
        output_.flush_if_full();
        const auto size = message.body.size();
        publisher_.publish(address, std::move(message));
        report_.published(size);
    }

    /// The command line wins over the record. A record that names neither exchange nor routing key goes to the queue.
    [[nodiscard]] rabbit::Address address_of(const cli::Record& record) const {
        const bool placed = record.exchange || record.routing_key;
        if (options_.queue_given || (options_.to_queue() && !placed)) {
            return {.exchange = "", .routing_key = queue_};
        }
        return {.exchange = options_.exchange.value_or(record.exchange.value_or("")),
                .routing_key = options_.routing_key.value_or(record.routing_key.value_or(""))};
    }

    /// Never faster than the rate, not even to make up for a pause.
    void keep_rate() {
        if (options_.rate <= 0) {
            return;
        }
        while (rabbit::Clock::now() < next_due_) {
            wait(next_due_);
        }
        constexpr auto made_up_for = std::chrono::milliseconds(10);  // by which a wait may be late
        const std::chrono::duration<double> interval(1 / options_.rate);
        next_due_ = std::max(next_due_, rabbit::Clock::now() - made_up_for) +
                    std::chrono::duration_cast<rabbit::Clock::duration>(interval);
    }

    void settle() {
        while (publisher_.in_flight() > 0) {
            wait({});
        }
    }

    /// Waits until the reader of standard output goes on reading.
    void wait_for_reader(int descriptor) {
        pollfd output{descriptor, POLLOUT, 0};
        if (connection_.wait_without_reading(reader_deadline_, {&output, 1}) == rabbit::WaitResult::deadline) {
            throw cli::OutputError(EAGAIN);
        }
    }

    /// Waits for anything, and shows what has come of it.
    void wait(rabbit::Deadline deadline, std::span<pollfd> watched = {}) {
        output_.flush();
        publisher_.wait(rabbit::earlier(deadline, report_.progress_due()), watched);
        output_.flush();
        report_.show_progress();
    }

    /// Waits for the confirms of what is in flight while they keep coming, shows them, and closes the connection.
    /// Somebody who interrupts wants an end, and a broker that takes no messages confirms none: then 2 s in all are
    /// enough. What fails is not reported: there is an error already, and what cannot be waited for counts as not
    /// confirmed.
    void settle_and_close(bool interrupted) {
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

    template <class Step>
    static void attempt(const Step& step) {
        try {
            step();
        } catch (const std::exception&) {  // see settle_and_close()
        }
    }

    /// When all is confirmed, a connection that cannot be closed in order has lost nothing.
    void close() {
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
    cli::ExitCode end_early(const std::exception& error) {
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
    [[nodiscard]] rabbit::Error naming_the_record(const rabbit::Error& error) const {
        const auto refused = publisher_.find_in_flight([&error](const rabbit::Message& message) {
            return error.cause().find(fmt::format("message size {} ", message.body.size())) != std::string::npos;
        });
        if (!refused) {
            return error;
        }
        return {error.kind(), fmt::format("the broker refused record {}", report_.record_of(*refused)), error.cause(),
                error.reply_code()};
    }

    const std::string& program_;
    Options& options_;
    rabbit::Connection& connection_;
    std::string queue_;
    bool several_;                      ///< messages, so that there is a point to resume from
    rabbit::Deadline reader_deadline_;  ///< for what the output's reader has not taken yet
    cli::Output output_{STDOUT_FILENO, [this](int descriptor) { wait_for_reader(descriptor); }};
    Report report_;
    rabbit::Publisher publisher_;
    rabbit::Clock::time_point next_due_ = rabbit::Clock::now();  ///< by --rate
};

}  // namespace

cli::ExitCode send(const std::string& program, Options& options) {
    options.check();
    Source source(options);
    const cli::Signals signals;
    auto connection = cli::connect(program, options.connect, options.verbosity, signals.descriptor());
    std::optional<Sender> sender;
    connection.with_reconnect([&] {
        const auto queue = options.to_queue() ? cli::declare(connection, options.queue).name : std::string();
        sender.emplace(program, options, connection, queue);
    });
    const auto code = sender->run(source);
    if (options.sends_hello() && !options.verbosity.quiet && has_unread_input()) {
        cli::say("{}: standard input was not read; to send it, add - (as one message) or --lines (each line)\n",
                 program);
    }
    return code;
}

}  // namespace sending
