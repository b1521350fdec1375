#include "peek.hpp"

#include "broker_rules.hpp"
#include "output.hpp"
#include "queue_state.hpp"
#include "rabbit/error.hpp"
#include "rabbit/getter.hpp"
#include "repr.hpp"
#include "say.hpp"
#include "signals.hpp"
#include "slow_reader.hpp"
#include "stream_offset.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include <unistd.h>

namespace receiving {
namespace {

using rabbit::Clock;

class Peek {
public:
    Peek(const std::string& program, const Options& options, rabbit::Connection& connection)
        : program_(program),
          options_(options),
          connection_(connection),
          ends_at_(cli::after(Clock::now(), options.timeout)) {}

    cli::ExitCode run() {
        const auto type = type_of_existing_queue();
        if (type == "quorum" && !nack_is_free(connection_.server())) {
            cli::say(
                "{}: queue '{}': {} counts this as a failed delivery of each message, and puts it behind others that "
                "were given back before\n",
                program_, cli::printable(options_.queue.name), cli::printable(connection_.server()));
        }
        bool interrupted = false;
        try {
            type == "stream" || (type.empty() && options_.is_stream()) ? read_stream()
            : type == "quorum"                                         ? consume_and_give_back()
                                                                       : get_and_give_back();
        } catch (const rabbit::Error& error) {
            if (error.kind() != rabbit::ErrorKind::interrupted) {
                throw;
            }
            interrupted = true;
        }
        output_.flush();
        connection_.close();  // which gives back, in order, what is not given back yet
        if (interrupted) {
            return cli::exit_code_of_signal();
        }
        if (printed_ == 0 && !options_.verbosity.quiet) {
            cli::say("{}: queue '{}' has no message that is ready\n", program_, cli::printable(options_.queue.name));
        }
        return printed_ == 0 ? cli::ExitCode::nothing_came : cli::ExitCode::done;
    }

private:
    std::string type_of_existing_queue() {
        const auto& queue = options_.queue.name;
        try {
            connection_.declare({.name = queue, .passive = true});  // there is no other way to ask
        } catch (const rabbit::Error& error) {
            throw rabbit::Error(error.kind(), fmt::format("cannot look into queue '{}'", queue), error.cause(),
                                error.reply_code());
        }
        auto type = type_of_queue(connection_, queue);
        if (options_.is_stream() && !type.empty() && type != "stream") {
            throw no_stream(queue, type);
        }
        return type;
    }

    /// A quorum queue takes back in order what one consumer had, not what was got one by one.
    void consume_and_give_back() {
        constexpr std::chrono::milliseconds lull{20};
        constexpr std::chrono::seconds patience{2};  // another consumer may be the single active one
        auto consumer = start_consumer({});
        auto silent_until = Clock::now() + patience;
        while (wants_more() && Clock::now() < silent_until) {
            if (const auto delivery = consumer->next(rabbit::earlier(Clock::now() + lull, ends_at_))) {
                print(*delivery);
                silent_until = Clock::now() + patience;
            } else if (is_drained(*consumer) == Drained::yes) {
                break;
            }
        }
        consumer->cancel();
        while (consumer->next()) {
        }
        if (nack_is_free(connection_.server())) {
            consumer->nack_all();
        }
    }

    std::unique_ptr<rabbit::Consumer> start_consumer(rabbit::Table arguments) {
        const auto own = options_.parsed_consumer_arguments();
        arguments.insert(arguments.end(), own.begin(), own.end());
        return std::make_unique<rabbit::Consumer>(
            connection_, rabbit::ConsumerOptions{.queue = options_.queue.name,
                                                 .consumer_tag = options_.consumer_tag,
                                                 .no_ack = false,
                                                 .prefetch = static_cast<std::uint16_t>(*options_.peek),
                                                 .arguments = std::move(arguments)});
    }

    void get_and_give_back() {
        rabbit::Getter getter(connection_);
        while (wants_more()) {
            const auto delivery = getter.get(options_.queue.name);
            if (!delivery) {
                break;
            }
            print(*delivery);
        }
        if (nack_is_free(connection_.server())) {
            getter.nack_all();
        }
    }

    /// What a stream holds beyond the offset nobody tells: a while without a message has to do.
    void read_stream() {
        constexpr std::chrono::milliseconds enough{500};
        const auto consumer =
            start_consumer({{offset_argument, parse_offset(options_.offset.empty() ? "first" : options_.offset)}});
        while (wants_more()) {
            const auto delivery = consumer->next(rabbit::earlier(Clock::now() + enough, ends_at_));
            if (!delivery) {
                return;
            }
            print(*delivery);
        }
    }

    [[nodiscard]] bool wants_more() const { return printed_ < *options_.peek && !rabbit::passed(ends_at_); }

    void print(const rabbit::Delivery& delivery) {
        formatter_.write(output_, delivery);
        ++printed_;
    }

    const std::string& program_;
    const Options& options_;
    rabbit::Connection& connection_;
    rabbit::Deadline ends_at_;
    cli::Formatter formatter_ = options_.formatter();
    std::uint64_t printed_ = 0;
    cli::Output output_{STDOUT_FILENO, [this](int descriptor) {
                            cli::wait_for_reader(connection_, descriptor, cli::with_patience(ends_at_));
                        }};
};

}  // namespace

cli::ExitCode peek(const std::string& program, const Options& options, rabbit::Connection& connection) {
    return Peek(program, options, connection).run();
}

}  // namespace receiving
