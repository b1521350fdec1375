#include "target.hpp"

#include "connect.hpp"
#include "error_report.hpp"
#include "failure.hpp"
#include "rabbit/error.hpp"
#include "repr.hpp"
#include "say.hpp"

#include <utility>

namespace receiving {
namespace {

constexpr int not_found = 404;  // a reply code (AMQP 0-9-1, section 1.1 of the generated reference)

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
        cli::say("{}: connected to {} again; {} messages in flight are published again and may be there twice\n",
                 program_, connection_.endpoint().name(), in_flight);
    };
    return options;
}

void Target::publish(rabbit::Address address, rabbit::Message message) {
    guarded(interruption_, [&] { publisher_.publish(std::move(address), std::move(message)); });
}

bool Target::has_queue(const std::string& name) {
    return guarded(interruption_, [&] {
        publisher_.settle();
        try {
            connection_.declare({.name = name, .passive = true});
            return true;
        } catch (const rabbit::Error& error) {
            if (error.reply_code() != not_found) {
                throw;
            }
        }
        connection_.reopen_channel();
        publisher_.restart();
        return false;
    });
}

void Target::close() {
    guarded(interruption_, [this] { connection_.close(); });
}

void Target::tend() {
    tended_at_ = rabbit::Clock::now();
    guarded(interruption_, [this] {
        while (publisher_.wait(rabbit::Clock::now()) == rabbit::WaitResult::frame) {
        }
    });
}

}  // namespace receiving
