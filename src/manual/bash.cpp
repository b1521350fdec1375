#include "page.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

/// Completions for bash.
namespace manual {
namespace {

/// `words` in lines that are not too long.
std::string wrapped(const std::vector<std::string>& words, const std::string& separator,
                    const std::string& line_start) {
    constexpr std::size_t width = 110;
    std::string result;
    std::size_t at = 0;
    for (const auto& word : words) {
        if (at + word.size() > width) {
            result += line_start;
            at = 0;
        } else if (at > 0) {
            result += separator;
        }
        result += word;
        at += word.size() + separator.size();
    }
    return result;
}

std::string pattern(const PageOption& option) {
    return fmt::format("{}", fmt::join(option.names, " | "));
}

/// One case for each option that takes values of its own kind, one for all that take a file, one for the rest.
std::string cases(const Page& page) {
    std::string choices;
    std::vector<std::string> files;
    std::vector<std::string> others;
    for (const auto& option : page.options()) {
        if (!option.choices.empty()) {
            choices += fmt::format("    {}) words='{}' ;;\n", pattern(option), fmt::join(option.choices, " "));
        } else if (option.takes_value() && !option.has_optional_value) {
            auto& names = option.has_file ? files : others;
            names.insert(names.end(), option.names.begin(), option.names.end());
        }
    }
    return fmt::format("{}    {}) files=1 ;;\n    {}) ;;\n", choices, wrapped(files, " | ", " | \\\n        "),
                       wrapped(others, " | ", " | \\\n        "));
}

std::vector<std::string> names(const Page& page) {
    std::vector<std::string> result;
    for (const auto& option : page.options()) {
        result.insert(result.end(), option.names.begin(), option.names.end());
    }
    return result;
}

/// After a "--".
constexpr auto complete_command = R"(
            if declare -F _comp_command_offset >/dev/null; then
                _comp_command_offset $((i + 1))
            elif declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                compopt -o default
                mapfile -t COMPREPLY < <(compgen -c -- "$cur")
            else
                compopt -o filenames -o default
                mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            fi)";

}  // namespace

std::string bash(const Page& page) {
    return fmt::format(R"(# bash completion for {name} {version}
{function}() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} option=${{COMP_WORDS[COMP_CWORD - 1]}} words='' files='' i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${{COMP_WORDS[i]}} == -- ]]; then{command}
            return
        fi
    done
    # An option with its value after "=" comes as three words.
    if [[ $cur == = ]]; then
        cur=''
    elif [[ $option == = ]] && ((COMP_CWORD > 2)); then
        option=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    case $option in
{cases}    *)
        [[ $cur != -* ]] || words='
{names}'
        ;;
    esac
    if [[ $files ]]; then
        compopt -o filenames -o default
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    elif [[ $words ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    fi
}}
complete -F {function} {name}
)",
                       fmt::arg("name", page.program.name), fmt::arg("version", page.version),
                       fmt::arg("function", page.identifier()), fmt::arg("cases", cases(page)),
                       fmt::arg("names", "            " + wrapped(names(page), " ", "\n            ")),
                       fmt::arg("command", page.runs_command() ? complete_command : ""));
}

}  // namespace manual
