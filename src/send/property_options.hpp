#pragma once

#include "rabbit/message.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sending {

/// The properties that options give to every message.
class PropertyOptions {
public:
    void add_to(CLI::App& app);

    /// Checks the options. Throws cli::Failure of code `usage`.
    void parse();

    /// `base`, if any, with the options' properties over its own: the command line wins. Without `base` all messages
    /// of a second share one object.
    [[nodiscard]] std::shared_ptr<const rabbit::Properties> apply(std::shared_ptr<const rabbit::Properties> base);

private:
    void merge_into(rabbit::Properties& properties) const;

    rabbit::Properties properties_;
    bool persistent_ = false;
    std::optional<std::string> timestamp_;
    std::vector<std::string> headers_;
    std::shared_ptr<const rabbit::Properties> shared_;  ///< null: no option was given
};

}  // namespace sending
