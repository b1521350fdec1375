#include "exit_code.hpp"
#include "page.hpp"
#include "program_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>
#include <string_view>

/// A manual page in the macros of man(7).
namespace manual {
namespace {

bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

/// As it is to be read, and copied from the page.
std::string plain(std::string_view text) {
    std::string result;
    for (const char c : text) {
        switch (c) {
            case '\\': result += "\\e"; break;
            case '-': result += "\\-"; break;
            case '\'': result += "\\(aq"; break;
            case '`': result += "\\(ga"; break;
            case '^': result += "\\(ha"; break;
            case '~': result += "\\(ti"; break;
            default: result += c;
        }
    }
    return result;
}

/// What is typed, or stands for it, is not to be hyphenated.
std::string in_font(char font, std::string_view text) {
    auto result = fmt::format("\\f{}\\%", font);
    for (const char c : plain(text)) {
        result += c;
        result += c == ' ' ? "\\%" : "";
    }
    return result + "\\fR";
}

std::string bold(std::string_view text) {
    return in_font('B', text);
}

std::string italic(std::string_view text) {
    return in_font('I', text);
}

/// The longest beginning of `text` whose characters are all such.
template <class Is>
std::string_view leading(std::string_view text, const Is& is) {
    return text.substr(0, static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is) - text.begin()));
}

/// What a value or operand is called: in capitals what the user fills in, in lower case what is typed as it is.
std::string type_name(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        if (const auto variable = leading(text, is_upper); !variable.empty()) {
            result += italic(variable);
            text.remove_prefix(variable.size());
        } else if (const auto word = leading(text, is_lower); !word.empty()) {
            result += bold(word);
            text.remove_prefix(word.size());
        } else {
            result += plain(text.substr(0, 1));
            text.remove_prefix(1);
        }
    }
    return result;
}

std::set<std::string, std::less<>> variables_of(std::string_view type) {
    std::set<std::string, std::less<>> result;
    while (!type.empty()) {
        const auto variable = leading(type, is_upper);
        if (!variable.empty()) {
            result.emplace(variable);
        }
        type.remove_prefix(std::max<std::size_t>(1, variable.size()));
    }
    return result;
}

/// Options are bold, and what its own value is called is italic.
std::string option_text(const std::string& text, const std::set<std::string, std::less<>>& variables) {
    std::string result;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        const std::string_view rest = word;
        const auto opening = leading(rest, [](char c) { return c == '('; });
        const auto inner = rest.substr(opening.size());
        const auto name = inner.starts_with("--") ? leading(inner, [](char c) { return is_lower(c) || c == '-'; })
                                                  : leading(inner, is_upper);
        const auto after = inner.substr(name.size());
        const auto shown = name.starts_with("--") ? bold(name) : variables.contains(name) ? italic(name) : plain(name);
        result += fmt::format("{}{}{}{}", result.empty() ? "" : " ", plain(opening), shown, plain(after));
    }
    return result;
}

/// What stands between backticks is bold.
std::string prose(const std::string& text, const std::string& prefix) {
    std::string result;
    std::istringstream parts(text);
    bool typed = false;
    for (std::string part; std::getline(parts, part, '`'); typed = !typed) {
        result += typed ? bold(cli::with_prefix(part, prefix)) : plain(part);
    }
    return result;
}

std::string section(std::string_view name) {
    return fmt::format(".SH {}\n", name);
}

/// A dot at its beginning would make it a request.
std::string one_line(const std::string& text) {
    return fmt::format("{}{}\n", text.starts_with('.') ? "\\&" : "", text);
}

std::string tagged(const std::string& tag, const std::string& text) {
    return fmt::format(".TP\n{}{}", one_line(tag), one_line(text));
}

std::string with_stop(const std::string& text) {
    return text.ends_with('.') || text.ends_with('!') ? text : text + ".";
}

std::string names(const std::vector<std::string>& all) {
    std::string result;
    for (const auto& name : all) {
        result += fmt::format("{}{}", result.empty() ? "" : ", ", name.starts_with('-') ? bold(name) : italic(name));
    }
    return result;
}

std::string describe(const PageOption& option) {
    auto tag = names(option.names);
    if (option.takes_value()) {
        tag.append(" ").append(type_name(option.type));
    }
    auto text = with_stop(option_text(option.text, variables_of(option.type)));
    if (!option.default_value.empty()) {
        text += fmt::format(" The default is {}.", bold(option.default_value));
    }
    if (!option.needed.empty()) {
        text += fmt::format(" Needs {}.", names(option.needed));
    }
    if (!option.excluded.empty()) {
        text += fmt::format(" Not with {}.", names(option.excluded));
    }
    return tagged(tag, text);
}

std::string describe_options(const Page& page) {
    auto result = section("OPTIONS");
    for (const auto& group : page.groups) {
        result += fmt::format(".SS {}\n", plain(group.name));
        for (const auto& option : group.options) {
            result += describe(option);
        }
    }
    return result;
}

std::string examples(const std::string& lines) {
    auto result = section("EXAMPLES") + ".EX\n";
    std::istringstream input(lines);
    for (std::string line; std::getline(input, line);) {
        const auto begin = std::min(line.find_first_not_of(' '), line.size());
        result += one_line(plain(std::string_view(line).substr(begin)));
    }
    return result + ".EE\n";
}

std::string exit_status(const std::string& prefix) {
    auto result = section("EXIT STATUS");
    for (const auto& [code, meaning] : cli::exit_codes()) {
        result += tagged(bold(std::to_string(static_cast<int>(code))),
                         option_text(cli::with_prefix(std::string(meaning), prefix), {}));
    }
    return result;
}

std::string entries(std::string_view name, const std::vector<Entry>& all, const std::string& prefix) {
    auto result = section(name);
    for (const auto& each : all) {
        result += tagged(bold(each.name), prose(each.text, prefix));
    }
    return result;
}

/// The summary as NAME has it, which is no sentence.
std::string purpose(std::string summary) {
    summary.front() = static_cast<char>(std::tolower(summary.front()));
    return summary.substr(0, summary.size() - 1);
}

}  // namespace

std::string roff(const Page& page) {
    const auto& [name, summary, operands, lines, prefix, on_operand] = page.program;
    auto title = name;
    std::transform(title.begin(), title.end(), title.begin(),
                   [](char c) { return static_cast<char>(std::toupper(c)); });
    auto result = fmt::format(".TH {} 1 {} \"hello\\-rabbit {}\"\n.ad l\n", plain(title), page.date, page.version);
    result += section("NAME") + fmt::format("{} \\- {}\n", plain(name), plain(purpose(summary)));
    result += section("SYNOPSIS") + fmt::format("{} [{}] {}\n", bold(name), italic("OPTIONS"), type_name(operands));
    result += section("DESCRIPTION") + plain(summary) + "\n";
    for (const auto& operand : page.operands) {
        result += tagged(italic(operand.names.front()), with_stop(option_text(operand.text, {operand.names.front()})));
    }
    for (const auto& paragraph : page.prose.description) {
        result += ".PP\n" + prose(paragraph, prefix) + "\n";
    }
    return result + describe_options(page) + examples(cli::with_prefix(lines, prefix)) + exit_status(prefix) +
           entries("ENVIRONMENT", page.prose.environment, prefix) + entries("FILES", page.prose.files, prefix) +
           section("SEE ALSO") + fmt::format(".BR {} (1),\n.BR rabbitmqctl (8)\n", plain(page.other));
}

}  // namespace manual
