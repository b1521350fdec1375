#pragma once

#include "acks.hpp"
#include "format.hpp"
#include "handler.hpp"
#include "interruption.hpp"
#include "options.hpp"
#include "output.hpp"
#include "rabbit/consumer.hpp"

namespace receiving {

/// Prints messages on standard output and acks them once they are there.
class Printer final : public Handler {
public:
    /// `ends_at` bounds the wait for a reader that has stopped. Everything referred to must outlive the printer.
    Printer(const std::string& program, const Options& options, rabbit::Deadline ends_at,
            rabbit::Connection& connection, rabbit::Consumer& consumer, Acks& acks, Interruption& interruption);

    std::optional<Ending> handle(const rabbit::Delivery& delivery) override;
    void announce(std::string_view line) override;
    void flush() override { output_.flush(); }
    void settle() override;
    void finish() override;
    [[nodiscard]] bool has_unsettled() const override { return acks_.due_at_end().has_value(); }
    [[nodiscard]] int reader() const override { return output_.descriptor(); }

private:
    void report_unreadable(const rabbit::Message& message);
    void acknowledge(std::optional<std::uint64_t> delivery_tag);
    [[nodiscard]] rabbit::Deadline give_up_at() const;
    void wait_for_reader(int descriptor);

    const std::string& program_;
    cli::Formatter formatter_;
    rabbit::Deadline ends_at_;
    bool quiet_;
    rabbit::Connection& connection_;
    rabbit::Consumer& consumer_;
    Acks& acks_;
    Interruption& interruption_;
    cli::Output output_;
};

}  // namespace receiving
