#pragma once

#include "cli11_fwd.hpp"
#include "exit_code.hpp"

#include <functional>
#include <string>
#include <utility>

namespace cli {

struct Program {
    std::string name;  ///< its own, or the one it was called by
    std::string summary;
    std::string operands;     ///< in the usage line, what follows the options
    std::string examples;     ///< lines for --help
    std::string prefix = {};  ///< stands before the names of both programs where they are installed
    /// If given, called with each operand that comes before a "--"; may throw.
    std::function<void(const std::string&)> on_operand = {};
};

/// Adds a program's own options, and those that each program has.
void add_all_options(CLI::App& app, const std::function<void(CLI::App&)>& add_options);

/// `program` as it is to speak of itself when it was called by this path.
Program called(Program program, const char* path);

/// Adds operands and options to a command line, or operands alone where no word begins with a dash; parses it, calls
/// `body`, and reports what either throws. Ends the program with the exit code; a debug build returns it, to be what
/// main() returns.
int run_with(const Program& program, int argc, char** argv, const std::function<void(CLI::App&)>& add_operands,
             const std::function<void(CLI::App&)>& add_options, const std::function<ExitCode()>& body);

/// The same for the options of one program and what it does with them.
template <class Options, class Body>
int run(const Program& own, int argc, char** argv, Options options, const Body& body) {
    const auto program = called(own, argv[0]);
    return run_with(
        program, argc, argv, [&](CLI::App& app) { options.add_operands_to(app); },
        [&](CLI::App& app) { options.add_to(app); }, [&] { return body(program.name, options); });
}

}  // namespace cli
