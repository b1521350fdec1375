#pragma once

#include "cli11_fwd.hpp"
#include "rabbit/message.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sending {

/// The properties that options give every message.
class PropertyOptions {
public:
    void add_to(CLI::App& app);

    /// Checks the options. Throws cli::Failure of code `usage`.
    void parse();

    /// `base`, if any, with the options' properties in place of its own; an option with an empty text removes the
    /// property. Without `base`, all messages of a second share one object.
    [[nodiscard]] std::shared_ptr<const rabbit::Properties> apply(std::shared_ptr<const rabbit::Properties> base);

private:
    /// Null if no property is left.
    [[nodiscard]] std::shared_ptr<const rabbit::Properties> merged(rabbit::Properties base) const;

    rabbit::Properties properties_;
    bool persistent_ = false;
    std::optional<std::string> timestamp_;
    std::vector<std::string> headers_;
    bool given_ = false;                                ///< any option was
    std::shared_ptr<const rabbit::Properties> shared_;  ///< of messages that have none of their own
};

}  // namespace sending
