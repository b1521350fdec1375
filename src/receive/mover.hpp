#pragma once

#include "foreign_users.hpp"
#include "handler.hpp"
#include "run.hpp"
#include "target.hpp"

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace receiving {

/// Moves messages: each is published at the target, and acked at its source once the broker has confirmed it. What
/// cannot be moved stays where it is.
class Mover final : public Handler {
public:
    /// `run`, which has a target, must outlive the mover.
    explicit Mover(Run& run);
    ~Mover() override;

    std::optional<Ending> handle(rabbit::Delivery&& delivery) override;
    [[nodiscard]] bool has_room() const override;
    std::optional<Ending> attend() override;
    void restarted() override { left_ = 0; }
    void finish() override;
    [[nodiscard]] Tally tally() const override { return {.left = left_}; }
    [[nodiscard]] std::string summary() const override;

private:
    /// A message that was published.
    struct InFlight {
        std::uint64_t delivery_tag;
        std::size_t size;
        bool settled = false;
    };
    void publish(std::uint64_t delivery_tag, const rabbit::Address& address, rabbit::Message message);
    void settled(const rabbit::Settlement& settlement);
    void leave(std::uint64_t delivery_tag, std::string_view cause);
    [[nodiscard]] bool is_there(const std::string& exchange);
    [[nodiscard]] bool is_of_the_source(const rabbit::Field& header) const;
    void prepare(rabbit::Message& message) const;
    void await_confirms();

    Target& target_;

    std::deque<InFlight> in_flight_;     ///< in the order of publishing
    std::uint64_t first_in_flight_ = 1;  ///< the number that the publisher gave to the first of them
    std::size_t bytes_in_flight_ = 0;
    ForeignUsers foreign_users_;
    std::map<std::string, bool> exchanges_;  ///< whether they are there, as far as asked
    std::uint64_t left_ = 0;
    std::uint64_t named_ = 0;  ///< of those left, in lines of their own
};

}  // namespace receiving
