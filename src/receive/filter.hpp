#pragma once

#include "glob.hpp"
#include "message_fields.hpp"
#include "rabbit/message.hpp"

#include <string>
#include <variant>
#include <vector>

namespace receiving {

/// Which messages --where asks for.
class Filter {
public:
    Filter() = default;
    /// The values of --where: NAME=GLOB, where NAME is routing_key, exchange, a property, or headers.X for the header
    /// X. The name ends at the first '='. Throws cli::UsageError.
    explicit Filter(const std::vector<std::string>& conditions);

    [[nodiscard]] bool empty() const noexcept { return conditions_.empty(); }

    /// Every condition holds. A property or header that the message does not have matches nothing, not even *; of
    /// headers with the same name one is enough. Values are compared as text, whatever their type.
    [[nodiscard]] bool matches(const rabbit::Delivery& delivery) const;

private:
    struct Header {
        std::string name;
    };
    using Place = std::string rabbit::Address::*;
    using Property = const cli::MessageProperty*;
    using Subject = std::variant<Place, Property, Header>;

    struct Condition {
        Subject subject;
        Glob glob;

        [[nodiscard]] bool holds(const rabbit::Delivery& delivery) const;
    };

    /// Throws std::invalid_argument.
    static Subject subject_of(const std::string& name);
    static Condition condition_of(const std::string& text);

    std::vector<Condition> conditions_;
};

}  // namespace receiving
