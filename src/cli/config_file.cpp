#include "config_file.hpp"

#include "arguments.hpp"
#include "cli11.hpp"
#include "failure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace cli {
namespace {

std::string trimmed(const std::string& text) {
    constexpr auto blank = " \t\r";
    const auto begin = std::min(text.find_first_not_of(blank), text.size());
    return text.substr(begin, text.find_last_not_of(blank) + 1 - begin);
}

std::string unquoted(const std::string& value) {
    const bool quoted =
        value.size() > 1 && value.front() == value.back() && (value.front() == '"' || value.front() == '\'');
    return quoted ? value.substr(1, value.size() - 2) : value;
}

/// The option of a line. Its long name is wanted, without dashes.
CLI::Option& find_option(CLI::App& app, const std::string& name) {
    if (auto* option = app.get_option_no_throw("--" + name); option && option->get_configurable()) {
        return *option;
    }
    const auto bare = name.substr(std::min(name.find_first_not_of('-'), name.size()));
    const auto* meant = app.get_option_no_throw((bare.size() == 1 ? "-" : "--") + bare);
    if (meant && meant->get_configurable() && !meant->get_lnames().empty()) {
        throw UsageError(
            fmt::format("an option's long name stands here without dashes: {}", meant->get_lnames().front()));
    }
    throw UsageError(meant ? fmt::format("{} belongs to the command line", meant->get_name())
                           : no_such_option(app, "--" + bare));
}

CLI::ConfigItem& item_for(std::vector<CLI::ConfigItem>& items, CLI::Option& option, const std::string& name) {
    const auto found = std::find_if(items.begin(), items.end(), [&](const auto& each) { return each.name == name; });
    if (found != items.end()) {
        return *found;
    }
    unprotect_values(option);
    items.emplace_back().name = name;
    return items.back();
}

void read_line(CLI::App& app, const std::string& text, std::vector<CLI::ConfigItem>& items) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
        throw UsageError("it is not of the form option = value");
    }
    const auto name = trimmed(text.substr(0, equals));
    const auto value = unquoted(trimmed(text.substr(equals + 1)));
    auto& option = find_option(app, name);
    if (!takes_value(option) && value != "true" && value != "false") {
        throw UsageError(fmt::format("{} is either true or false", option.get_name()));
    }
    auto& item = item_for(items, option, name);
    if (!item.inputs.empty() && !is_repeatable(option)) {
        throw UsageError(fmt::format("{} is given twice", option.get_name()));
    }
    item.inputs.push_back(protect(value));
}

}  // namespace

void add_config_option(CLI::App& app) {
    app.set_config("--config", "",
                   "Read options from FILE, one \"option = value\" a line, by their long names; the "
                   "command line overrides them")
        ->type_name("FILE")
        ->check(file_name())
        ->group("General");
    app.config_formatter(std::make_shared<ConfigFile>(app));
    app.allow_config_extras(CLI::config_extras_mode::error);
}

std::vector<CLI::ConfigItem> ConfigFile::from_config(std::istream& input) const {
    std::vector<CLI::ConfigItem> result;
    std::string line;
    for (int number = 1; std::getline(input, line); ++number) {
        const auto text = trimmed(line);
        if (text.empty() || text.starts_with('#') || text.starts_with(';')) {
            continue;
        }
        try {
            read_line(app_, text, result);
        } catch (const UsageError& error) {
            throw UsageError(fmt::format("--config: line {}: {}", number, error.what()));
        }
    }
    return result;
}

}  // namespace cli
