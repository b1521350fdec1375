#pragma once

#include "acks.hpp"
#include "handler.hpp"
#include "interruption.hpp"
#include "options.hpp"
#include "replier.hpp"
#include "subscription.hpp"

#include <chrono>
#include <optional>
#include <span>
#include <string>

struct pollfd;

namespace receiving {

/// Runs COMMAND for each message; its status decides what becomes of the message.
class CommandHandler final : public Handler {
public:
    /// Everything referred to must outlive the handler.
    CommandHandler(const std::string& program, const Options& options, rabbit::Deadline ends_at,
                   rabbit::Connection& connection, int interrupt, Subscription& subscription, Acks& acks,
                   Interruption& interruption);

    std::optional<Ending> handle(const rabbit::Delivery& delivery) override;
    void announce(std::string_view line) override;
    void finish() override;
    [[nodiscard]] std::uint64_t rejected() const override { return rejected_; }
    [[nodiscard]] std::uint64_t sent_back() const override { return sent_back_; }

private:
    void take(const rabbit::Delivery& delivery);
    std::optional<Ending> fail(const rabbit::Delivery& delivery, const std::string& cause);
    void end_consumer();
    void pause_before_next();
    void wait_for_command(std::span<pollfd> descriptors);

    static constexpr std::chrono::milliseconds least_pause{20};

    const std::string& program_;
    const Options& options_;
    rabbit::Deadline ends_at_;
    rabbit::Connection& connection_;
    Subscription& subscription_;
    Acks& acks_;
    Interruption& interruption_;
    std::chrono::milliseconds pause_ = least_pause;  ///< after the next failure
    std::optional<Replier> replier_;
    std::uint64_t rejected_ = 0;
    std::uint64_t sent_back_ = 0;
};

}  // namespace receiving
