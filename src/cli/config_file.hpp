#pragma once

#include <CLI/CLI.hpp>

#include <vector>

namespace cli {

/// Gives `app`, which must outlive it, the option --config.
void add_config_option(CLI::App& app);

/// Lines of `option = value`. The value goes to the end of the line, in quotes or not, whatever is in it: in CLI11's
/// own format a '#' ends it even in quotes, and commas and blanks split it.
class ConfigFile : public CLI::ConfigBase {
public:
    explicit ConfigFile(CLI::App& app) : app_(app) {}

    /// Throws UsageError that names the line, and never shows a value.
    std::vector<CLI::ConfigItem> from_config(std::istream& input) const override;

private:
    CLI::App& app_;
};

}  // namespace cli
