#include "page.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

/// Completions for zsh, in the terms of its function _arguments.
namespace manual {
namespace {

/// In single quotes, with what _arguments would take for its own.
std::string quoted(std::string_view text, std::string_view special) {
    std::string result;
    for (const char c : text) {
        if (c == '\'') {
            result += "'\\''";
            continue;
        }
        if (special.find(c) != std::string_view::npos) {
            result += '\\';
        }
        result += c;
    }
    return result;
}

/// The options that cannot follow this one: itself, and those that it excludes.
std::string exclusions(const Page& page, const PageOption& option) {
    if (option.ends_program) {
        return "(- *)";
    }
    std::vector<std::string> all;
    if (!option.is_repeatable) {
        all = option.names;
    }
    const auto is_excluded = [&option](const PageOption& other) {
        return std::find(option.excluded.begin(), option.excluded.end(), other.names.back()) != option.excluded.end();
    };
    for (const auto& other : page.options()) {
        if (is_excluded(other)) {
            all.insert(all.end(), other.names.begin(), other.names.end());
        }
    }
    if (std::any_of(page.operands.begin(), page.operands.end(), is_excluded)) {
        all.emplace_back("*");
    }
    return all.empty() ? "" : fmt::format("({})", fmt::join(all, " "));
}

/// Its value: whether there must be one, what it is called, and what may stand there.
std::string value(const PageOption& option) {
    if (!option.takes_value()) {
        return "";
    }
    const auto action = option.has_file           ? std::string("_files")
                        : !option.choices.empty() ? fmt::format("({})", fmt::join(option.choices, " "))
                                                  : std::string(" ");
    const auto name = option.choices.empty() ? option.type : option.names.back().substr(2);
    return fmt::format("{}:{}:{}", option.has_optional_value ? ":" : "", quoted(name, "\\:"), action);
}

std::string specification(const Page& page, const PageOption& option, const std::string& name) {
    const auto* with_value = !option.takes_value() ? "" : name.starts_with("--") ? "=" : "+";
    return fmt::format("    '{}{}{}{}[{}]{}'\n", exclusions(page, option), option.is_repeatable ? "*" : "", name,
                       with_value, quoted(option.brief, "\\[]:"), value(option));
}

std::string specifications(const Page& page) {
    std::string result;
    for (const auto& option : page.options()) {
        for (const auto& name : option.names) {
            result += specification(page, option, name);
        }
    }
    for (const auto& operand : page.operands) {
        if (!page.runs_command()) {
            result += fmt::format("    '*:{}: '\n", operand.names.front());
        }
    }
    return result;
}

/// After a "--".
constexpr auto command_words = R"(local -i end=${words[(ie)--]}  # one past the last word if there is none
if ((end < CURRENT)); then
    shift $end words
    ((CURRENT -= end))
    _normal
    return
fi

)";

}  // namespace

std::string zsh(const Page& page) {
    return fmt::format(
        "#compdef {}\n# zsh completion for {} {}\n\n{}local -a specifications=(\n{})\n_arguments -s -S : "
        "$specifications\n",
        page.program.name, page.program.name, page.version, page.runs_command() ? command_words : "",
        specifications(page));
}

}  // namespace manual
