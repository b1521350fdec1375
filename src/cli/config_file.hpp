#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace cli {

/// CLI11 splits a value in brackets at its commas where it expects several; a NUL behind it, which no argument can
/// hold, prevents that until the value is taken.
std::string unsplit(std::string value);

/// `name` has its dashes, and nothing that was given with it: that may be secret.
std::string no_such_option(const std::string& name);

/// Lines of `option = value`. The value goes to the end of the line, in quotes or not, whatever is in it: in CLI11's
/// own format a '#' ends it even in quotes, and commas and blanks split it.
class ConfigFile : public CLI::ConfigBase {
public:
    /// `app` must outlive it.
    explicit ConfigFile(const CLI::App& app) : app_(app) {}

    std::vector<CLI::ConfigItem> from_config(std::istream& input) const override;

private:
    const CLI::App& app_;
};

}  // namespace cli
