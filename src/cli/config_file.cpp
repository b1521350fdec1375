#include "config_file.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cli {
namespace {

std::string trimmed(const std::string& text) {
    constexpr auto blank = " \t\r";
    const auto begin = std::min(text.find_first_not_of(blank), text.size());
    return text.substr(begin, text.find_last_not_of(blank) + 1 - begin);
}

std::string unquoted(const std::string& value) {
    const bool quoted = value.size() > 1 && value.front() == value.back() &&
                        (value.front() == '"' || value.front() == '\'');
    return quoted ? value.substr(1, value.size() - 2) : value;
}

}  // namespace

std::string unsplit(std::string value) {
    return value.starts_with('[') && value.ends_with(']') ? value + '\0' : value;
}

std::string no_such_option(const std::string& name) {
    return fmt::format("there is no option {}{}", name,
                       name == "--password"
                           ? "; a password is taken from --password-file or the environment's AMQP_PASSWORD"
                           : "");
}

std::vector<CLI::ConfigItem> ConfigFile::from_config(std::istream& input) const {
    std::vector<CLI::ConfigItem> result;
    std::string line;
    for (int number = 1; std::getline(input, line); ++number) {
        const auto text = trimmed(line);
        if (text.empty() || text.starts_with('#') || text.starts_with(';')) {
            continue;
        }
        const auto refuse = [number](const std::string& cause) {
            throw CLI::ConfigError(fmt::format("line {}: {}", number, cause), CLI::ExitCodes::ConfigError);
        };
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0) {
            refuse("it is not of the form option = value");
        }
        const auto name = trimmed(text.substr(0, equals));
        if (!app_.get_option_no_throw("--" + name)) {
            refuse(no_such_option("--" + name));
        }
        auto item = std::find_if(result.begin(), result.end(), [&](const auto& each) { return each.name == name; });
        if (item == result.end()) {
            item = result.emplace(result.end());
            item->name = name;
        }
        item->inputs.push_back(unsplit(unquoted(trimmed(text.substr(equals + 1)))));
    }
    return result;
}

}  // namespace cli
