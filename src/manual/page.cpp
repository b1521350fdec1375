#include "page.hpp"

#include "cli11.hpp"
#include "help.hpp"
#include "program_name.hpp"

#include <algorithm>
#include <set>
#include <sstream>

namespace manual {
namespace {

bool is_lower_case(const std::string& word) {
    return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

/// In the name of a type what is in lower case stands for itself: now|SECONDS.
std::vector<std::string> choices_of(const std::string& type) {
    std::vector<std::string> result;
    if (type.find('=') != std::string::npos) {
        return result;
    }
    std::istringstream words(type);
    for (std::string word; std::getline(words, word, '|');) {
        if (is_lower_case(word)) {
            result.push_back(word);
        }
    }
    return result;
}

/// Completions have one line for each option.
std::string first_clause(const std::string& text) {
    constexpr std::size_t width = 70;
    auto end = text.size();
    for (const auto* separator : {"; ", ". ", " ("}) {
        end = std::min(end, text.find(separator));
    }
    if (end > width) {
        end = std::min(end, text.find(": "));
    }
    return text.substr(0, end);
}

std::vector<std::string> names_of(const CLI::Option& option) {
    std::vector<std::string> result;
    for (const auto& name : option.get_snames()) {
        result.push_back("-" + name);
    }
    for (const auto& name : option.get_lnames()) {
        result.push_back("--" + name);
    }
    return result.empty() ? std::vector{option.get_name(true)} : result;
}

/// CLI11 keeps them by their addresses, which are other ones each time.
std::vector<std::string> in_order(const CLI::App& app, const std::set<CLI::Option*>& some) {
    std::vector<std::string> result;
    for (const auto* each : cli::all_options(app)) {
        if (std::any_of(some.begin(), some.end(), [each](const auto* one) { return one == each; })) {
            result.push_back(names_of(*each).back());
        }
    }
    return result;
}

PageOption option_of(const CLI::App& app, const CLI::Option& option, const std::string& prefix) {
    PageOption result;
    result.names = names_of(option);
    result.type = option.get_type_name();
    result.text = cli::with_prefix(option.get_description(), prefix);
    result.brief = first_clause(result.text);
    result.default_value = option.get_default_str();
    result.choices = choices_of(result.type);
    result.has_file = result.type == "FILE";
    result.has_optional_value = cli::has_optional_value(option);
    result.is_repeatable = cli::is_repeatable(option);
    result.ends_program = &option == app.get_help_ptr() || &option == app.get_version_ptr();
    result.needed = in_order(app, option.get_needs());
    result.excluded = in_order(app, option.get_excludes());
    return result;
}

}  // namespace

bool Page::runs_command() const {
    return std::any_of(operands.begin(), operands.end(), [](const auto& each) { return each.names[0] == "COMMAND"; });
}

std::vector<PageOption> Page::options() const {
    std::vector<PageOption> result;
    for (const auto& group : groups) {
        result.insert(result.end(), group.options.begin(), group.options.end());
    }
    return result;
}

std::string Page::identifier() const {
    const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
    auto result = "_" + program.name;
    std::replace_if(result.begin(), result.end(), std::not_fn(fits), '_');
    return result;
}

void add_options(Page& page, const std::function<void(CLI::App&)>& add_to) {
    CLI::App app(page.program.summary, page.program.name);
    cli::add_all_options(app, add_to);
    for (const auto* operand : cli::operands(app)) {
        page.operands.push_back(option_of(app, *operand, page.program.prefix));
    }
    for (const auto& group : cli::option_groups(app)) {
        page.groups.push_back({group.name, {}});
        for (const auto* option : group.options) {
            page.groups.back().options.push_back(option_of(app, *option, page.program.prefix));
        }
    }
}

}  // namespace manual
