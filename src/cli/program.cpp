#include "program.hpp"

#include "arguments.hpp"
#include "cli11.hpp"
#include "config_file.hpp"
#include "error_report.hpp"
#include "failure.hpp"
#include "help.hpp"
#include "output.hpp"
#include "program_name.hpp"
#include "redact.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

namespace cli {
namespace {

/// With a standard descriptor closed at the start, the broker's socket would take its number.
void fill_standard_descriptors() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (fcntl(fd, F_GETFD) == -1) {
            // Reading and writing fail as they would have.
            open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_WRONLY);
        }
    }
}

/// Large bodies come and go. Memory that went back to the system for each would have to be cleared and mapped for the
/// next one, which costs more than copying it.
void keep_freed_memory() {
    constexpr int most = 32 << 20;  // of M_MMAP_THRESHOLD (mallopt(3))
    mallopt(M_TRIM_THRESHOLD, most);
    mallopt(M_MMAP_THRESHOLD, most);
}

/// The arguments, which show no password to other users from now on.
std::vector<std::string> take_arguments(int argc, char** argv) {
    std::vector<std::string> words;
    for (int i = 1; i < argc; ++i) {
        words.emplace_back(argv[i]);
        blot_out_passwords(argv[i], argv[i] + std::strlen(argv[i]));
    }
    return words;
}

void print(const std::string& text) {
    Output output(STDOUT_FILENO);
    output.write(text);
    output.flush();
}

void parse(CLI::App& app, const Program& program, const std::vector<std::string>& words) {
    auto arguments = read_arguments(app, words, program.on_operand);
    std::reverse(arguments.begin(), arguments.end());  // as App::parse wants them
    try {
        app.parse(std::move(arguments));
    } catch (const CLI::FileError& error) {
        throw Failure(ExitCode::no_input, explain(error, app));
    } catch (const CLI::Success&) {
        throw;
    } catch (const CLI::ParseError& error) {
        throw UsageError(explain(error, app));
    }
}

ExitCode parse_and_run(CLI::App& app, const Program& program, const std::vector<std::string>& words,
                       const std::function<ExitCode()>& body) {
    try {
        parse(app, program, words);
    } catch (const CLI::CallForHelp&) {
        print(help(app, program));
        return ExitCode::done;
    } catch (const CLI::CallForVersion&) {
        print(fmt::format("{} {}\n", program.name, HELLO_RABBIT_VERSION));
        return ExitCode::done;
    }
    return body();
}

/// Adding options takes a noticeable share of a program's start.
bool may_hold_options(const std::vector<std::string>& words) {
    return std::any_of(words.begin(), words.end(), [](const std::string& word) { return word.starts_with('-'); });
}

/// The system takes back what libraries hold in less time than their destructors do. Sanitizers and other tools for debug
/// builds do some of their work after main().
int end(int code) {
#ifdef NDEBUG
    std::quick_exit(code);
#else
    return code;
#endif
}

}  // namespace

void add_all_options(CLI::App& app, const std::function<void(CLI::App&)>& add_options) {
    app.set_help_flag();  // each part would have it too
    add_options(app);
    add_config_option(app);
    add_help(app);
}

Program called(Program program, const char* path) {
    const auto own = std::exchange(program.name, called_name(path, program.name));
    program.prefix = prefix_of(program.name, own);
    return program;
}

int run_with(const Program& program, int argc, char** argv, const std::function<void(CLI::App&)>& add_operands,
             const std::function<void(CLI::App&)>& add_options, const std::function<ExitCode()>& body) {
    keep_freed_memory();
    fill_standard_descriptors();
    const auto words = take_arguments(argc, argv);
    CLI::App app(program.summary, program.name);
    try {
        may_hold_options(words) ? add_all_options(app, add_options) : add_operands(app);
        return end(static_cast<int>(parse_and_run(app, program, words, body)));
    } catch (const std::exception& error) {
        return end(static_cast<int>(report_error(program.name, error)));
    }
}

}  // namespace cli
