#pragma once

#include "attempts.hpp"
#include "handler.hpp"
#include "job.hpp"
#include "replier.hpp"
#include "run.hpp"

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <vector>

#include <poll.h>

namespace receiving {

/// Runs COMMAND for each message, some at a time; its status decides what becomes of the message.
class CommandHandler final : public Handler {
public:
    /// `run` must outlive the handler.
    explicit CommandHandler(Run& run);
    /// Waits for the COMMANDs that still run.
    ~CommandHandler() override;

    std::optional<Ending> handle(rabbit::Delivery&& delivery) override;
    [[nodiscard]] bool has_room() const override;
    [[nodiscard]] std::span<pollfd> watched() override;
    [[nodiscard]] rabbit::Deadline due() const override;
    std::optional<Ending> attend() override;
    void finish() override;
    void abandon() override;
    [[nodiscard]] Tally tally() const override { return {.rejected = rejected_, .sent_back = sent_back_}; }

private:
    std::list<Job> take_ended();
    std::optional<Ending> conclude(Job& job);
    std::optional<Ending> succeed(Job& job);
    std::optional<Ending> fail(const rabbit::Delivery& delivery, Fate fate, const std::string& cause);
    void send_back(const rabbit::Delivery& delivery);
    void pause_before_next();
    void wait_for_jobs();
    void await_signal(const CommandStatus& status);
    [[nodiscard]] Fate fate_of(const CommandStatus& status) const;

    static constexpr std::chrono::milliseconds least_pause{20};

    const CommandFlags& flags_;
    std::map<int, Fate> fates_;
    Replier replier_;
    Attempts attempts_;
    std::list<Job> jobs_;
    std::vector<pollfd> watched_;        ///< of the first jobs, as many for each as it has
    std::vector<std::uint64_t> failed_;  ///< the delivery tags of those to go back at the end, as failed deliveries
    std::chrono::milliseconds pause_ = least_pause;  ///< after the next failure
    rabbit::Deadline paused_until_;
    std::uint64_t rejected_ = 0;
    std::uint64_t sent_back_ = 0;
};

}  // namespace receiving
