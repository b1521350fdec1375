#pragma once

#include "format.hpp"
#include "gathering.hpp"
#include "handler.hpp"
#include "output.hpp"
#include "run.hpp"

#include <poll.h>

namespace receiving {

/// Prints messages on standard output and acks them once they are there.
class Printer final : public Handler {
public:
    /// `run` must outlive the printer.
    explicit Printer(Run& run);

    std::optional<Ending> handle(rabbit::Delivery&& delivery) override;
    [[nodiscard]] std::span<pollfd> watched() override;
    [[nodiscard]] rabbit::Deadline due() const override { return flush_due_; }
    [[nodiscard]] std::size_t least() const override;
    std::optional<Ending> attend() override;
    void announce(std::string_view line) override;
    void rest() override;
    void flush() override;
    void settle(AckTime time) override;
    void finish() override;

private:
    void report_unreadable(const rabbit::Message& message);
    [[nodiscard]] rabbit::Deadline give_up_at() const;
    void wait_for_reader(int descriptor);

    cli::Formatter formatter_;
    cli::Output output_;
    Gathering gathering_;
    rabbit::Deadline flush_due_;
    pollfd reader_;  ///< has an error event once nobody reads the output any more
};

}  // namespace receiving
