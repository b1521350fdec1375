#pragma once

#include "program.hpp"
#include "prose.hpp"

#include <functional>
#include <string>
#include <vector>

namespace manual {

struct PageOption {
    std::vector<std::string> names;  ///< with their dashes, the short ones first
    std::string type;                ///< what its value is called, as --help shows it; empty for a flag
    std::string text;
    std::string brief;  ///< the first clause of `text`
    std::string default_value;
    std::vector<std::string> choices;  ///< values that have a name
    bool has_file = false;             ///< its value is the name of a file
    bool has_optional_value = false;
    bool is_repeatable = false;
    bool ends_program = false;  ///< --help, --version: nothing else counts
    std::vector<std::string> needed;
    std::vector<std::string> excluded;  ///< each by its long name; an operand has no dashes

    [[nodiscard]] bool takes_value() const noexcept { return !type.empty(); }
};

struct Group {
    std::string name;
    std::vector<PageOption> options;
};

/// Everything that a manual page and completions tell of a program.
struct Page {
    cli::Program program;
    std::string other;  ///< the name of the other program
    std::vector<PageOption> operands;
    std::vector<Group> groups;
    Prose prose;
    std::string version;
    std::string date;  ///< of this version

    [[nodiscard]] bool runs_command() const;
    [[nodiscard]] std::vector<PageOption> options() const;
    /// The program's name as a shell's function may be called.
    [[nodiscard]] std::string identifier() const;
};

/// Reads `page.operands` and `page.groups` off the options of a program.
void add_options(Page& page, const std::function<void(CLI::App&)>& add_to);

// The formats.
std::string roff(const Page& page);
std::string bash(const Page& page);
std::string zsh(const Page& page);
std::string fish(const Page& page);

}  // namespace manual
