#pragma once

#include "parse_number.hpp"
#include "seconds.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the options need of CLI11 and CLI11 2.1 to 2.6 do not do alike, do not say well, or do not do at all.
namespace cli {

/// CLI11 splits a value in brackets at its commas. The NUL that this puts after such a value, which no argument can
/// hold, prevents that; unprotect_values() makes the option take it off again.
std::string protect(const std::string& value);
void unprotect_values(CLI::Option& option);

/// A part of `app`, for some of its options. Many versions of CLI11 compare a new option only with those of its part.
/// Comparing it with all of them takes a noticeable share of a program's start.
CLI::App& add_part(CLI::App& app);
/// Those of the parts, in the order in which they were added, and then those of `app` itself.
std::vector<const CLI::Option*> all_options(const CLI::App& app);
/// The option with this long name, dashes included, or the operand with this name, in whatever part it is.
/// App::get_option() copies each name that it compares, which takes long. Throws CLI::OptionNotFound.
CLI::Option* find_option(CLI::App& app, std::string_view name);

[[nodiscard]] bool takes_value(const CLI::Option& option);
/// May be given several times, each with a value.
[[nodiscard]] bool is_repeatable(const CLI::Option& option);

/// May stand without its value, which is then the default one: its type's name is in brackets.
[[nodiscard]] bool has_optional_value(const CLI::Option& option);

/// What is wrong, in better words than CLI11's own.
std::string explain(const CLI::ParseError& error, const CLI::App& app);

/// Refuses the empty name, which is most often a variable of the shell that was not set.
CLI::Validator file_name();

/// Any number of values, one each time the option is given.
CLI::Option* add_repeatable(CLI::App& app, const std::string& name, std::vector<std::string>& to,
                            const std::string& description);

/// A number without an exponent: 0.001, not 1e-03.
std::string plain(double number);

/// An option for a number between bounds, both included. `what` and `hint` go into the error: "'5s' is not <what> from
/// 1 to 9<hint>".
template <class Number, class To>
CLI::Option* add_number(CLI::App& app, const std::string& name, To& to, Number least, Number most,
                        const std::string& description,
                        const char* what = std::is_integral_v<Number> ? "a whole number" : "a number",
                        const char* hint = "") {
    const auto long_name = name.substr(name.find("--"));
    return app
        .add_option_function<std::string>(
            name,
            [&to, least, most, long_name, what, hint](const std::string& text) {
                const auto number = parse_number<Number>(text, least, most);
                if (!number) {
                    throw CLI::ValidationError(long_name, fmt::format("'{}' is not {} from {} to {}{}", text, what,
                                                                      plain(static_cast<double>(least)),
                                                                      plain(static_cast<double>(most)), hint));
                }
                to = To(*number);
            },
            description)
        ->type_name("N");
}

/// An option for a duration.
template <class To>
CLI::Option* add_seconds(CLI::App& app, const std::string& name, To& to, double least, double most,
                         const std::string& description) {
    return add_number(app, name, to, least, most, description, "a number of seconds")->type_name("SECONDS");
}

/// An option whose values have names.
template <class Value, class To>
CLI::Option* add_choice(CLI::App& app, const std::string& name, To& to,
                        const std::vector<std::pair<std::string, Value>>& choices, const std::string& description) {
    std::vector<std::string> names;
    names.reserve(choices.size());
    for (const auto& choice : choices) {
        names.push_back(choice.first);
    }
    return app
        .add_option_function<std::string>(
            name,
            [&to, choices, name, names](const std::string& text) {
                const auto found = std::find_if(choices.begin(), choices.end(),
                                                [&text](const auto& choice) { return choice.first == text; });
                if (found == choices.end()) {
                    throw CLI::ValidationError(name, fmt::format("'{}' is none of {}", text, fmt::join(names, ", ")));
                }
                to = found->second;
            },
            description)
        ->type_name(fmt::format("{}", fmt::join(names, "|")));
}

}  // namespace cli
