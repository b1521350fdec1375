#include "peek.hpp"

#include "broker_rules.hpp"
#include "output.hpp"
#include "queue_type.hpp"
#include "rabbit/consumer.hpp"
#include "rabbit/error.hpp"
#include "repr.hpp"
#include "say.hpp"
#include "signals.hpp"
#include "slow_reader.hpp"
#include "stream_offset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include <unistd.h>

namespace receiving {
namespace {

using rabbit::Clock;

class Peek {
public:
    Peek(const std::string& program, const Options& options, rabbit::Connection& connection)
        : program_(program), options_(options), connection_(connection) {
        if (options.timeout) {
            ends_at_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(*options.timeout);
        }
    }

    cli::ExitCode run() {
        connection_.declare({.name = options_.queue.name, .passive = true});  // there is no other way to ask
        const auto type = options_.is_stream() ? "stream" : type_of_queue(connection_, options_.queue.name);
        is_stream_ = type == "stream";
        if (type == "quorum" && !nack_is_free(connection_.server())) {
            cli::say(
                "{}: queue '{}': {} counts this as a failed delivery of each message, and a queue with a delivery "
                "limit drops those that failed too often\n",
                program_, cli::printable(options_.queue.name), cli::printable(connection_.server()));
        }
        rabbit::Consumer consumer(connection_, {.queue = options_.queue.name,
                                                .consumer_tag = options_.consumer_tag,
                                                .no_ack = false,
                                                .prefetch = static_cast<std::uint16_t>(*options_.peek),
                                                .arguments = arguments()});
        try {
            print_first(consumer);
        } catch (const rabbit::Error& error) {
            if (error.kind() != rabbit::ErrorKind::interrupted) {
                throw;
            }
            interrupted_ = true;
        }
        give_back(consumer);
        output_.flush();
        if (interrupted_) {
            return cli::exit_code_of_signal();
        }
        return printed_ == 0 ? cli::ExitCode::nothing_came : cli::ExitCode::done;
    }

private:
    [[nodiscard]] rabbit::Table arguments() const {
        auto table = options_.parsed_consumer_arguments();
        if (is_stream_) {
            table.push_back({offset_argument, parse_offset(options_.offset.empty() ? "first" : options_.offset)});
        }
        return table;
    }

    void print_first(rabbit::Consumer& consumer) {
        const auto formatter = options_.formatter();
        constexpr std::chrono::milliseconds longest{100};
        for (std::chrono::milliseconds lull{5}; printed_ < *options_.peek && !rabbit::passed(ends_at_);) {
            const auto delivery = consumer.next(rabbit::earlier(Clock::now() + lull, ends_at_));
            if (delivery) {
                formatter.write(output_, *delivery);
                ++printed_;
            } else if (is_over(consumer)) {
                return;
            } else {
                output_.flush();
                lull = std::min(2 * lull, longest);
            }
        }
    }

    /// No further message is there. The broker may answer before it sends what it has already taken off the queue, but
    /// not before it has handled what came before the question; hence it is asked twice. What a stream holds beyond the
    /// offset nobody tells: a while without a message has to do.
    bool is_over(const rabbit::Consumer& consumer) {
        if (is_stream_) {
            constexpr std::chrono::milliseconds enough{500};
            const auto now = Clock::now();
            if (printed_ != printed_before_ || silent_since_ == Clock::time_point()) {
                printed_before_ = printed_;
                silent_since_ = now;
            }
            return now - silent_since_ >= enough;
        }
        for (int i = 0; i < 2; ++i) {
            const auto queue = connection_.declare({.name = options_.queue.name, .passive = true});
            if (queue.message_count > 0 || consumer.arrived() > 0) {
                return false;
            }
        }
        return true;
    }

    void give_back(rabbit::Consumer& consumer) {
        consumer.cancel();
        while (consumer.next()) {
        }
        if (!is_stream_ && nack_is_free(connection_.server())) {
            consumer.nack_all();
        }
        connection_.close();  // which gives back, in order, what is left
    }

    const std::string& program_;
    const Options& options_;
    rabbit::Connection& connection_;
    rabbit::Deadline ends_at_;
    bool is_stream_ = false;
    bool interrupted_ = false;
    std::uint64_t printed_ = 0;
    std::uint64_t printed_before_ = 0;
    Clock::time_point silent_since_;
    cli::Output output_{STDOUT_FILENO,
                        [this](int descriptor) { cli::wait_for_reader(connection_, descriptor, ends_at_); }};
};

}  // namespace

cli::ExitCode peek(const std::string& program, const Options& options, rabbit::Connection& connection) {
    return Peek(program, options, connection).run();
}

}  // namespace receiving
