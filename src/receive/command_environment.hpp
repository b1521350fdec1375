#pragma once

#include "rabbit/message.hpp"

#include <string>
#include <utility>
#include <vector>

namespace receiving {

/// The variables that tell COMMAND of its message: AMQP_ROUTING_KEY and the like.
class CommandEnvironment {
public:
    explicit CommandEnvironment(const rabbit::Delivery& delivery);

    /// Of all variables that a message may have.
    static std::vector<std::string> names();

    /// Why no environment can hold them; empty: one can.
    [[nodiscard]] std::string why_unfit() const;
    /// What to say when the system has refused them as too large.
    [[nodiscard]] std::string why_too_large() const;

    /// This process's environment with them. AMQP_URL and the like stay: the command may want to answer.
    [[nodiscard]] std::vector<std::string> with_own() const;

private:
    std::vector<std::pair<std::string, std::string>> variables_;
};

}  // namespace receiving
