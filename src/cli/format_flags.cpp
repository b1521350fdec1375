#include "format_flags.hpp"

#include "cli11.hpp"

#include <cstdlib>
#include <string_view>

#include <unistd.h>

namespace cli {
namespace {

/// https://no-color.org
bool is_color_welcome() {
    const char* no_color = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    return isatty(STDOUT_FILENO) && !(no_color && *no_color) && !(terminal && std::string_view(terminal) == "dumb");
}

}  // namespace

void FormatFlags::add_to(CLI::App& app, const char* group, const char* what, const char* usual) {
    auto* with_format =
        add_choice<Format>(
            app, "--format", format,
            {{"hello", Format::hello},
             {"text", Format::text},
             {"raw", Format::raw},
             {"lines", Format::lines},
             {"null", Format::null},
             {"json", Format::json},
             {"pretty", Format::pretty}},
            fmt::format("How to print {} (default {}). hello: as the tutorials print it; text: one line a "
                        "message, safe on a terminal; raw: the bytes; lines, null: the bytes and a "
                        "newline or NUL; json: one record a line; pretty: for people, with properties",
                        what, usual))
            ->group(group);
    app.add_option("--template", format_template,
                   fmt::format("Print {} as FMT: {{body}} {{size}} {{exchange}} {{routing_key}} {{delivery_tag}} "
                               "{{redelivered}} {{headers}} and every property by its name, with fmt's format "
                               "specifications, \\n, \\t and \\0",
                               what))
        ->type_name("FMT")
        ->excludes(with_format)
        ->group(group);
    add_choice<std::optional<bool>>(app, "--color", color, {{"auto", std::nullopt}, {"always", true}, {"never", false}},
                                    "Use colours with --format pretty; auto (the default): on a terminal, unless "
                                    "NO_COLOR is set")
        ->group(group);
}

Formatter FormatFlags::formatter(Format usual) const {
    return format_template ? Formatter(Template(*format_template))
                           : Formatter(format.value_or(usual), color.value_or(is_color_welcome()));
}

}  // namespace cli
