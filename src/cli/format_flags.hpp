#pragma once

#include "cli11_fwd.hpp"
#include "format.hpp"

#include <optional>
#include <string>

namespace cli {

/// --format, --template and --color.
struct FormatFlags {
    std::optional<Format> format;
    std::optional<std::string> format_template;
    std::optional<bool> color;  ///< empty: if a person is likely to see it

    /// `group` is the heading in --help; `what` is printed, and `usual` the name of the format that is the default.
    void add_to(CLI::App& app, const char* group, const char* what, const char* usual);

    [[nodiscard]] bool given() const noexcept { return format || format_template; }
    /// Throws Failure of code `usage` for a template that cannot be used.
    [[nodiscard]] Formatter formatter(Format usual) const;
};

}  // namespace cli
