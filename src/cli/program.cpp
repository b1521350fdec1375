#include "program.hpp"

#include "config_file.hpp"
#include "output.hpp"
#include "redact.hpp"
#include "repr.hpp"
#include "say.hpp"
#include "signals.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <sstream>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace cli {
namespace {

constexpr auto exit_codes = R"(
Exit codes:
    0  done as asked (Ctrl-C on a plain watch included)
    1  the broker refused or closed something; receive: COMMAND failed
    2  receive --count: nothing came before the end
    3  receive --count: some came, fewer than asked
    4  send: at least one message was returned or nacked
   64  usage
   65  malformed input
   66  an input file cannot be read
   69  the broker cannot be reached, or was lost
   74  the output cannot be written
   77  refused: credentials, permission, virtual host, certificate
  124  send: confirms did not come in time
  130, 143  interrupted, terminated before what was asked for was done
  141  the reader of standard output has gone
)";

ExitCode code_of(const rabbit::Error& error) {
    switch (error.kind()) {
        case rabbit::ErrorKind::invalid: return ExitCode::usage;
        case rabbit::ErrorKind::unreachable:
        case rabbit::ErrorKind::lost: return ExitCode::unreachable;
        case rabbit::ErrorKind::refused: return ExitCode::refused;
        case rabbit::ErrorKind::timeout: return ExitCode::timeout;
        case rabbit::ErrorKind::interrupted: return exit_code_of_signal();
        case rabbit::ErrorKind::closed: break;
    }
    return ExitCode::failed;
}

/// A descriptor that is closed at the start would be the broker's socket's next.
void fill_standard_descriptors() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (fcntl(fd, F_GETFD) == -1) {
            // Reading and writing fail as they would have.
            open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_WRONLY);
        }
    }
}

/// The arguments as App::parse wants them, last first.
std::vector<std::string> take_arguments(CLI::App& app, int argc, char** argv) {
    std::vector<std::string> arguments;
    for (int i = argc - 1; i > 0; --i) {
        arguments.push_back(unsplit(argv[i]));
        blot_out_passwords(argv[i], argv[i] + std::strlen(argv[i]));
    }
    for (auto* option : app.get_options()) {
        option->transform([](std::string text) {
            if (text.ends_with('\0')) {
                text.pop_back();
            }
            return text;
        });
    }
    return arguments;
}

/// COMMAND stands behind --, or a word too many would be run.
void check_command(const CLI::App& app, int argc, char** argv) {
    const auto* command = app.get_option_no_throw("COMMAND");
    const auto dashes = std::find(argv, argv + argc, std::string_view("--"));
    if (!command || command->count() == 0 || command->count() < static_cast<std::size_t>(argv + argc - dashes)) {
        return;
    }
    const auto& word = command->results().front();
    const bool may_hold_password = word.starts_with("amqp:") || word.starts_with("amqps:") ||
                                   word.find("://") != word.npos || word.find('@') != word.npos;
    throw Failure(ExitCode::usage,
                  may_hold_password
                      ? "the broker's URL goes to --url; to run something as COMMAND write -- before it"
                      : fmt::format("'{0}' is no option; to run it as COMMAND write -- {0}", word));
}

std::string name_of_option(const std::string& argument) {
    return argument.starts_with("--") ? argument.substr(0, argument.find('=')) : argument.substr(0, 2);
}

/// Two columns, and of what CLI11 knows about an option only what helps to use it.
class HelpFormatter : public CLI::Formatter {
public:
    std::string make_usage(const CLI::App* app, std::string name) const override {
        const bool runs_command = app->get_option_no_throw("COMMAND");
        return fmt::format("Usage: {} [OPTIONS] {}\n", name, runs_command ? "[-- COMMAND [ARGUMENT...]]" : "[MESSAGE...]");
    }

    std::string make_option(const CLI::Option* option, bool is_positional) const override {
        constexpr std::size_t column = 30;
        constexpr std::size_t width = 100;
        auto left = "  " + make_option_name(option, is_positional);
        if (!option->get_type_name().empty()) {
            left += " " + option->get_type_name();
        }
        auto words = option->get_description();
        if (!option->get_default_str().empty()) {
            words += fmt::format(" (default: {})", option->get_default_str());
        }
        if (!option->get_envname().empty()) {
            words += fmt::format(" (environment: {})", option->get_envname());
        }
        std::string text = left;
        auto at = left.size();
        if (at + 2 > column) {
            text += "\n";
            at = 0;
        }
        text.append(column - at, ' ');
        at = column;
        std::istringstream stream(words);
        for (std::string word; stream >> word;) {
            if (at > column && at + word.size() >= width) {
                text += "\n" + std::string(column, ' ');
                at = column;
            }
            text += (at > column ? " " : "") + word;
            at += word.size() + 1;
        }
        return text + "\n";
    }
};

ExitCode report(const std::string& program, ExitCode code, std::string_view text) {
    auto shown = printable(text);
    blot_out_passwords(shown.data(), shown.data() + shown.size());
    cli::say("{}: {}\n", program, shown);
    return code;
}

}  // namespace

void add_help(CLI::App& app, const std::string& examples) {
    app.set_version_flag("--version", fmt::format("{} {}", app.get_name(), HELLO_RABBIT_VERSION),
                         "Print the version and exit");
    app.footer("Examples:\n" + examples + exit_codes);
    app.formatter(std::make_shared<HelpFormatter>());
}

ExitCode report_error(const std::string& program, const std::exception& error) {
    if (const auto* broker = dynamic_cast<const rabbit::Error*>(&error)) {
        const bool interrupted = broker->kind() == rabbit::ErrorKind::interrupted;
        return report(program, code_of(*broker), interrupted ? broker->cause() : broker->what());
    }
    if (const auto* failure = dynamic_cast<const Failure*>(&error)) {
        const bool silent = failure->code() == ExitCode::reader_gone;
        return silent ? failure->code() : report(program, failure->code(), failure->what());
    }
    if (dynamic_cast<const CLI::FileError*>(&error)) {
        return report(program, ExitCode::no_input, fmt::format("--config: {}", error.what()));
    }
    if (dynamic_cast<const CLI::ParseError*>(&error)) {
        const bool in_file = dynamic_cast<const CLI::ConfigError*>(&error);
        report(program, ExitCode::usage, fmt::format("{}{}", in_file ? "--config: " : "", error.what()));
        cli::say("Try '{} --help'.\n", program);
        return ExitCode::usage;
    }
    return report(program, ExitCode::failed, error.what());
}

int run(CLI::App& app, int argc, char** argv, const std::function<ExitCode()>& body) {
    fill_standard_descriptors();
    const auto program = app.get_name();
    try {
        app.parse(take_arguments(app, argc, argv));
        check_command(app, argc, argv);
        return static_cast<int>(body());
    } catch (const CLI::ExtrasError&) {
        const auto text = no_such_option(name_of_option(app.remaining().front()));
        return static_cast<int>(report_error(program, CLI::ParseError(text, CLI::ExitCodes::ExtrasError)));
    } catch (const CLI::Success& success) {  // --help, --version
        app.exit(success, std::cout);
        std::cout.flush();
        const auto code = std::cout ? ExitCode::done : report_error(program, OutputError(errno));
        return static_cast<int>(code);
    } catch (const std::exception& error) {
        return static_cast<int>(report_error(program, error));
    }
}

}  // namespace cli
