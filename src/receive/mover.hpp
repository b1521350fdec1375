#pragma once

#include "handler.hpp"
#include "run.hpp"
#include "target.hpp"

#include <cstddef>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

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
    void announce(std::string_view line) override;
    void settle(AckTime time) override;
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
    struct Again {
        std::uint64_t delivery_tag;
        rabbit::Address address;
        rabbit::Message message;
    };

    void publish(std::uint64_t delivery_tag, rabbit::Address address, rabbit::Message message);
    void publish_again();
    void settled(const rabbit::Settlement& settlement);
    void leave(std::uint64_t delivery_tag, std::string_view cause);
    bool has_foreign_user(const rabbit::Settlement& settlement);
    [[nodiscard]] bool is_there(const std::string& exchange);
    void prepare(rabbit::Message& message);
    void await_confirms();

    Run& run_;
    Target& target_;

    std::deque<InFlight> in_flight_;     ///< in the order of publishing
    std::uint64_t first_in_flight_ = 1;  ///< the number that the publisher gave to the first of them
    std::size_t bytes_in_flight_ = 0;
    std::vector<Again> again_;               ///< refused because of a property, and to be published without it
    std::set<std::string> foreign_users_;    ///< user ids that the broker has refused
    std::map<std::string, bool> exchanges_;  ///< whether they are there, as far as asked
    std::uint64_t left_ = 0;
};

}  // namespace receiving
