#include "help.hpp"

#include "cli11.hpp"
#include "exit_code.hpp"
#include "program_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <string_view>
#include <utility>

namespace cli {
namespace {

constexpr std::size_t width = 80;

/// `left`, and from `column` on the words of `text`: beside it if it is short enough, else below.
std::string two_columns(std::string left, std::size_t column, const std::string& text) {
    std::string result = std::move(left);
    auto at = result.size();
    const auto start_line = [&] {
        result += "\n" + std::string(column, ' ');
        at = column;
    };
    if (column > 0 && at + 2 > column) {
        start_line();
    } else {
        result.append(column - at, ' ');
        at = column;
    }
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        if (at > column && at + 1 + word.size() > width) {
            start_line();
        }
        const bool first = at == column;
        result += (first ? "" : " ") + word;
        at += word.size() + (first ? 0 : 1);
    }
    return result + "\n";
}

std::string names(const CLI::Option& option) {
    std::string result;
    for (const auto& name : option.get_snames()) {
        result += "-" + name + ", ";
    }
    for (const auto& name : option.get_lnames()) {
        result += (result.empty() ? "    --" : "--") + name;
    }
    return result.empty() ? option.get_name(true) : result;
}

std::string describe(const CLI::Option& option, const Program& program) {
    constexpr std::size_t column = 26;
    auto left = "  " + names(option);
    if (!option.get_type_name().empty()) {
        left += " " + option.get_type_name();
    }
    auto text = with_prefix(option.get_description(), program.prefix);
    if (!option.get_default_str().empty()) {
        text += fmt::format(" (default: {})", option.get_default_str());
    }
    return two_columns(std::move(left), column, text);
}

std::string describe_exit_codes(const Program& program) {
    std::string result = "\nExit codes:\n";
    for (const auto& [code, meaning] : exit_codes()) {
        result += two_columns(fmt::format("  {:>3}", static_cast<int>(code)), 7,
                              with_prefix(std::string(meaning), program.prefix));
    }
    return result;
}

}  // namespace

void add_help(CLI::App& app) {
    constexpr auto group = "General";
    app.set_help_flag("-h,--help", "Show this help and exit")->group(group);
    app.set_version_flag("--version", "", "Show the version and exit")->group(group);
}

std::vector<OptionGroup> option_groups(const CLI::App& app) {
    std::vector<OptionGroup> result;
    for (const auto* option : all_options(app)) {
        if (!option->nonpositional()) {
            continue;
        }
        const auto& name = option->get_group();
        const auto same =
            std::find_if(result.begin(), result.end(), [&](const auto& each) { return each.name == name; });
        auto& group = same == result.end() ? result.emplace_back(OptionGroup{name, {}}) : *same;
        group.options.push_back(option);
    }
    return result;
}

std::vector<const CLI::Option*> operands(const CLI::App& app) {
    return app.get_options([](const CLI::Option* each) { return each->get_positional(); });
}

std::string help(const CLI::App& app, const Program& program) {
    auto result = fmt::format("Usage: {} [OPTIONS] {}\n\n{}", program.name, program.operands,
                              two_columns("", 0, app.get_description()));
    for (const auto* operand : operands(app)) {
        result += "\n" + describe(*operand, program);
    }
    for (const auto& group : option_groups(app)) {
        result += fmt::format("\n{}:\n", group.name);
        for (const auto* option : group.options) {
            result += describe(*option, program);
        }
    }
    return result + "\nExamples:\n" + with_prefix(program.examples, program.prefix) + describe_exit_codes(program);
}

}  // namespace cli
