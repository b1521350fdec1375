#include "target.hpp"

#include "connect.hpp"
#include "error_report.hpp"
#include "failure.hpp"
#include "rabbit/error.hpp"
#include "repr.hpp"
#include "say.hpp"
#include "seconds.hpp"

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace receiving {
namespace {

cli::Failure as_failure(const rabbit::Error& error) {
    return {cli::exit_code_of(error), error.what()};
}

/// Calls `use`; its errors are this side's.
template <class Use>
auto guarded(const Use& use) {
    try {
        return use();
    } catch (const rabbit::Error& error) {
        throw as_failure(error);
    }
}

/// Throws cli::Failure if what messages are to be moved to is not there.
void check_target(Target& target, const MoveFlags& move) {
    const bool there = move.queue      ? target.has_queue(*move.queue)
                       : move.exchange ? target.has_exchange(*move.exchange)
                                       : true;
    if (!there) {
        throw cli::Failure(
            cli::ExitCode::rejected,
            fmt::format("cannot move messages {} at {}, virtual host '{}': it is not there; nothing was taken",
                        move.in_words(), target.endpoint().name(), target.endpoint().vhost));
    }
}

/// At the end of its life. What comes later is for nobody.
struct StopListening {
    Target::Listener& listener;
    ~StopListening() { listener = {}; }
};

}  // namespace

Target::Target(const std::string& program, const cli::ConnectionFlags& flags, const cli::Verbosity& verbosity,
               int interrupt, Interruption& interruption, rabbit::Deadline deadline)
    : program_(program),
      interruption_(interruption),
      connection_(cli::connect(program, flags, verbosity, interrupt, cli::until(deadline))),
      publisher_(connection_, publisher_options()) {}

/// Whoever publishes looks after the room: a publisher that waits for it would keep the first connection waiting.
rabbit::PublisherOptions Target::publisher_options() {
    rabbit::PublisherOptions options{.window = std::numeric_limits<std::size_t>::max(),
                                     .window_bytes = std::numeric_limits<std::size_t>::max() / 2,
                                     .confirm_timeout = std::chrono::seconds(60)};
    options.on_refused = [this](const rabbit::Settlement& settlement) {
        return replace_ ? replace_(settlement) : std::nullopt;
    };
    options.on_settled = [this](const rabbit::Settlement& settlement) {
        if (listener_) {
            listener_(settlement);
        }
    };
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

/// The message is in flight also when a signal ends the writing: there is always room for it.
void Target::publish(const rabbit::Address& address, rabbit::Message message) {
    constexpr std::chrono::milliseconds moment{5};
    if (!unsent_due_) {
        unsent_due_ = rabbit::Clock::now() + moment;
    }
    guarded([&] { interruption_.note([&] { publisher_.publish(address, std::move(message)); }); });
}

std::optional<std::string> Target::publish_and_wait(rabbit::Connection& source, const rabbit::Address& address,
                                                    rabbit::Message message, rabbit::Deadline ends_at,
                                                    const Listener& returned) {
    constexpr std::chrono::seconds patience{2};
    std::optional<std::string> refusal;
    const StopListening at_end{listener_};  // also where the wait ends by a loss: the message stays in flight
    listener_ = [&](const rabbit::Settlement& settlement) {
        switch (settlement.outcome) {
            case rabbit::Outcome::confirmed: break;
            case rabbit::Outcome::nacked: refusal = "it was nacked"; break;
            case rabbit::Outcome::refused: refusal = settlement.reply_text; break;
            case rabbit::Outcome::returned: returned(settlement); break;
        }
    };
    publish(address, std::move(message));
    unsent_due_ = rabbit::Clock::now();
    tend();
    rabbit::Deadline limit;
    while (in_flight() > 0) {
        const bool over = interruption_.pending() || rabbit::passed(ends_at);
        if (over && !limit) {
            limit = rabbit::Clock::now() + patience;
        }
        if (rabbit::passed(limit)) {
            refusal = "it does not confirm it";
            break;
        }
        interruption_.outlast([&] { return source.wait(rabbit::earlier(limit, over ? limit : ends_at)); });
    }
    return refusal;
}

bool Target::has_queue(const std::string& name) {
    return has([&] { connection_.declare({.name = name, .passive = true}); });
}

bool Target::has_exchange(const std::string& name) {
    return name.empty() || has([&] { connection_.declare_exchange({.name = name, .passive = true}); });
}

bool Target::has(const std::function<void()>& declare) {
    return guarded([&] {
        return interruption_.outlast([&] {
            for (;;) {
                try {
                    return ask(declare);
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
    });
}

bool Target::ask(const std::function<void()>& declare) {
    publisher_.settle();
    try {
        declare();
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
    if (given_up_) {
        return;
    }
    const bool sends = !unsent_due_ || rabbit::passed(unsent_due_);
    try {
        interruption_.outlast([this, sends] {
            if (!sends) {
                publisher_.take_confirms();
                return;
            }
            unsent_due_.reset();
            while (publisher_.wait(rabbit::Clock::now()) == rabbit::WaitResult::frame) {
            }
        });
    } catch (const rabbit::Error& error) {
        if (!interruption_.pending() || error.kind() != rabbit::ErrorKind::lost) {
            throw as_failure(error);
        }
        given_up_ = true;
    }
}

std::unique_ptr<Target> open_target(const std::string& program, const Options& options, int interrupt,
                                    Interruption& interruption, rabbit::Deadline deadline) {
    if (!options.publishes()) {
        return nullptr;
    }
    auto target = std::make_unique<Target>(program, options.move.connection(options.connect), options.verbosity,
                                           interrupt, interruption, deadline);
    check_target(*target, options.move);
    target->lift_deadline();
    return target;
}

}  // namespace receiving
