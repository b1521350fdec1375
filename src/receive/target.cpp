#include "target.hpp"

#include "connect.hpp"
#include "error_report.hpp"
#include "failure.hpp"
#include "rabbit/error.hpp"
#include "repr.hpp"
#include "say.hpp"

#include <fmt/format.h>

#include <utility>

namespace receiving {
namespace {

/// Calls `use`, and again when a signal has ended it; its errors are this side's.
template <class Use>
auto guarded(Interruption& interruption, const Use& use) {
    try {
        return interruption.outlast(use);
    } catch (const rabbit::Error& error) {
        throw cli::Failure(cli::exit_code_of(error), error.what());
    }
}

}  // namespace

Target::Target(const std::string& program, const cli::ConnectionFlags& flags, const cli::Verbosity& verbosity,
               int interrupt, Interruption& interruption, rabbit::PublisherOptions options)
    : program_(program),
      interruption_(interruption),
      connection_(cli::connect(program, flags, verbosity, interrupt)),
      publisher_(connection_, with_news(std::move(options))) {}

rabbit::PublisherOptions Target::with_news(rabbit::PublisherOptions options) {
    options.on_lost = [this](const rabbit::Error& error) {
        cli::say("{}: {}\n", program_, cli::printable(error.what()));
    };
    options.on_reopened = [this](std::size_t in_flight) {
        cli::say("{}: connected to {} again{}\n", program_, connection_.endpoint().name(),
                 in_flight == 0
                     ? std::string()
                     : fmt::format("; {} messages in flight are published again and may be there twice", in_flight));
    };
    return options;
}

/// RabbitMQ closes the channel over a message larger than its max_message_size.
template <class Use>
void Target::noting_a_refusal(const Use& use) {
    try {
        use();
    } catch (const rabbit::Error& error) {
        if (error.reply_code() != rabbit::reply_code::precondition_failed) {
            throw;
        }
        refusal_ = error.cause();
        connection_.reopen_channel();
        publisher_.restart();
    }
}

void Target::publish(rabbit::Address address, rabbit::Message message) {
    refusal_.clear();
    guarded(interruption_,
            [&] { noting_a_refusal([&] { publisher_.publish(std::move(address), std::move(message)); }); });
}

bool Target::has_queue(const std::string& name) {
    return guarded(interruption_, [&] {
        for (;;) {
            try {
                return ask_for_queue(name);
            } catch (const rabbit::Error& error) {
                if (!connection_.may_reopen(error)) {
                    throw;
                }
                cli::say("{}: {}\n", program_, cli::printable(error.what()));
            }
            connection_.reopen();
            publisher_.restart();
        }
    });
}

bool Target::ask_for_queue(const std::string& name) {
    publisher_.settle();
    try {
        connection_.declare({.name = name, .passive = true});
        return true;
    } catch (const rabbit::Error& error) {
        if (error.reply_code() != rabbit::reply_code::not_found) {
            throw;
        }
    }
    connection_.reopen_channel();
    publisher_.restart();
    return false;
}

void Target::close() {
    try {
        connection_.set_deadline(rabbit::Clock::now() + std::chrono::seconds(2));
        interruption_.outlast([this] { connection_.close(); });
    } catch (const rabbit::Error&) {  // what was confirmed is confirmed
    }
}

void Target::tend() {
    tended_at_ = rabbit::Clock::now();
    guarded(interruption_, [this] {
        noting_a_refusal([this] {
            while (publisher_.wait(rabbit::Clock::now()) == rabbit::WaitResult::frame) {
            }
        });
    });
}

}  // namespace receiving
