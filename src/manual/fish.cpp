#include "page.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>

/// Completions for fish.
namespace manual {
namespace {

std::string quoted(std::string_view text) {
    std::string result = "'";
    for (const char c : text) {
        result += c == '\'' || c == '\\' ? "\\" : "";
        result += c;
    }
    return result + "'";
}

std::string line(const Page& page, const PageOption& option) {
    auto result = fmt::format("complete -c {}", page.program.name);
    for (const auto& name : option.names) {
        result += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    if (option.has_file) {
        result += " -r -F";
    } else if (!option.choices.empty()) {
        result += fmt::format(" -x -a '{}'", fmt::join(option.choices, " "));
    } else if (option.takes_value() && !option.has_optional_value) {
        result += " -x";
    }
    return result + fmt::format(" -d {}\n", quoted(option.brief));
}

/// After a "--". A command line of its own is completed with it.
constexpr auto command_function = R"(function _{function}_command
    set -l words (commandline -opc)
    set -l at (contains -i -- -- $words); or return
    set -e words[1..$at]
    if set -q words[1]
        set words (string escape -- $words)
    end
    complete -C (string join ' ' -- $words (commandline -ct))
end
complete -c {name} -n 'contains -- -- (commandline -opc)' -x -a '(_{function}_command)'
)";

}  // namespace

std::string fish(const Page& page) {
    auto result = fmt::format("# fish completion for {0} {1}\ncomplete -c {0} -f\n", page.program.name, page.version);
    for (const auto& option : page.options()) {
        result += line(page, option);
    }
    if (page.runs_command()) {
        result +=
            fmt::format(command_function, fmt::arg("function", page.identifier()), fmt::arg("name", page.program.name));
    }
    return result;
}

}  // namespace manual
