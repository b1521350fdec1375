#include "command_handler.hpp"

#include "repr.hpp"
#include "say.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace receiving {

using rabbit::Clock;

CommandHandler::CommandHandler(Run& run)
    : Handler(run), flags_(run.options.command), fates_(flags_.fates()), replier_(run), attempts_(run) {}

CommandHandler::~CommandHandler() {
    while (!jobs_.empty()) {
        const auto until = due();
        wait_without_broker(watched(), until);
        static_cast<void>(take_ended());
    }
}

std::optional<Ending> CommandHandler::handle(rabbit::Delivery&& delivery) {
    run_.acks.start(delivery);
    if (const auto& cause = delivery.message.unreadable; !cause.empty()) {
        return fail(delivery, flags_.fate_of_failure(),
                    fmt::format("a message cannot be given to '{}', since its properties cannot be read ({})",
                                flags_.words.front(), cli::printable(cause)));
    }
    auto& job =
        jobs_.emplace_back(flags_.words, std::move(delivery),
                           JobOptions{.output = flags_.reply ? CommandOutput::captured : CommandOutput::inherited,
                                      .timeout = flags_.timeout});
    return job.ended() ? attend() : std::nullopt;
}

bool CommandHandler::has_room() const {
    return jobs_.size() < flags_.jobs && (!paused_until_ || rabbit::passed(paused_until_));
}

std::span<pollfd> CommandHandler::watched() {
    watched_.resize(jobs_.size() * Job::descriptors);
    std::size_t at = 0;
    for (const auto& job : jobs_) {
        job.watch(std::span(watched_).subspan(at, Job::descriptors));
        at += Job::descriptors;
    }
    return watched_;
}

rabbit::Deadline CommandHandler::due() const {
    auto result = rabbit::passed(paused_until_) ? rabbit::Deadline() : paused_until_;
    for (const auto& job : jobs_) {
        result = rabbit::earlier(result, job.due());
    }
    return result;
}

/// Attends to the jobs, and takes out those that have ended.
std::list<Job> CommandHandler::take_ended() {
    const auto watched = std::exchange(watched_, {});
    std::list<Job> ended;
    std::size_t at = 0;
    for (auto job = jobs_.begin(); job != jobs_.end(); at += Job::descriptors) {
        const auto next = std::next(job);
        if (at < watched.size()) {
            job->attend(std::span(watched).subspan(at, Job::descriptors));
        }
        if (job->ended()) {
            ended.splice(ended.end(), jobs_, job);
        }
        job = next;
    }
    return ended;
}

std::optional<Ending> CommandHandler::attend() {
    std::optional<Ending> ending;
    for (auto& job : take_ended()) {
        const auto one = conclude(job);
        ending = ending ? ending : one;
    }
    return ending;
}

Fate CommandHandler::fate_of(const CommandStatus& status) const {
    if (status.exited()) {
        if (const auto own = fates_.find(status.exit_status); own != fates_.end()) {
            return own->second;
        }
    }
    return status.succeeded() ? Fate::ack : flags_.fate_of_failure();
}

std::optional<Ending> CommandHandler::conclude(Job& job) {
    await_signal(job.status());
    const auto fate = fate_of(job.status());
    return fate == Fate::ack
               ? succeed(job)
               : fail(job.delivery(), fate, fmt::format("'{}' {}", flags_.words.front(), job.status().text()));
}

/// A terminal's Ctrl-C reaches COMMAND, too, and may end it before this process has seen it.
void CommandHandler::await_signal(const CommandStatus& status) {
    const auto until = Clock::now() + std::chrono::milliseconds(100);
    constexpr int of_a_shell = 128;
    const bool by_signal = status.signal == SIGINT || status.signal == SIGTERM ||
                           status.exit_status == of_a_shell + SIGINT || status.exit_status == of_a_shell + SIGTERM;
    if (by_signal && !status.timeout && !run_.interruption.pending()) {
        run_.interruption.note([&] { run_.connection.wait_without_reading(until, {}); });
    }
}

std::optional<Ending> CommandHandler::succeed(Job& job) {
    if (flags_.reply) {
        if (const auto refusal = replier_.reply(job.delivery().message, std::move(job.status().output))) {
            return fail(job.delivery(), flags_.fate_of_failure(),
                        fmt::format("the broker did not take the answer of '{}': {}", flags_.words.front(),
                                    cli::printable(*refusal)));
        }
    }
    pause_ = least_pause;
    run_.acks.finish(job.delivery().delivery_tag);
    settle(AckTime::pause);
    return std::nullopt;
}

std::optional<Ending> CommandHandler::fail(const rabbit::Delivery& delivery, Fate fate, const std::string& cause) {
    const bool counted = flags_.attempts && fate == Fate::requeue && !run_.interruption.pending();
    const auto failures = counted ? attempts_.failed(delivery) : 0;
    if (counted && failures >= *flags_.attempts) {
        fate = Fate::reject;
    }
    const bool given_back = run_.interruption.pending() || fate != Fate::reject;
    cli::say("{}: {}; the message {}{}\n", run_.program, cause,
             run_.acks.mode() == AckMode::automatic ? "is lost (--ack auto)"
             : run_.options.is_stream()             ? "stays in the stream"
             : given_back                           ? "goes back to the queue"
                                                    : "was rejected",
             counted ? fmt::format(" (attempt {} of {})", failures, *flags_.attempts) : "");
    const auto tag = delivery.delivery_tag;
    if (run_.interruption.pending()) {  // it may be the signal that COMMAND died of
        run_.acks.keep(tag);
        return Ending::interrupted;
    }
    if (fate == Fate::stop) {
        run_.acks.keep(tag);
        failed_.push_back(tag);
        return Ending::command_failed;
    }
    if (fate == Fate::reject) {
        ++rejected_;
        run_.acks.finish(tag, Verdict::reject);
    } else {
        ++sent_back_;
        send_back(delivery);
    }
    settle(AckTime::pause);
    return std::nullopt;
}

void CommandHandler::send_back(const rabbit::Delivery& delivery) {
    const bool failed_before = delivery.redelivered || (flags_.attempts && attempts_.failed(delivery) > 1);
    if (flags_.attempts) {
        attempts_.send_back(delivery);
    } else {
        run_.send_back(delivery.delivery_tag);
    }
    if (failed_before) {
        pause_before_next();
    }
}

/// A message that has failed more than once will be back immediately.
void CommandHandler::pause_before_next() {
    constexpr std::chrono::milliseconds most{2000};
    paused_until_ = Clock::now() + std::exchange(pause_, std::min(2 * pause_, most));
}

/// Without acks nothing limits what the broker sends, and it would pile up here meanwhile.
void CommandHandler::wait_for_jobs() {
    while (!jobs_.empty()) {
        run_.interruption.outlast([this] {
            return run_.acks.mode() == AckMode::written ? run_.connection.wait(due(), watched())
                                                        : run_.connection.wait_without_reading(due(), watched());
        });
        attend();
    }
}

/// No message is sent in place of those that are told of now.
void CommandHandler::finish() {
    wait_for_jobs();
    settle(AckTime::end);
    for (const auto tag : failed_) {
        run_.subscription.give_back_failed(tag);
    }
}

void CommandHandler::abandon() {
    wait_for_jobs();
    settle(AckTime::pause);
}

}  // namespace receiving
