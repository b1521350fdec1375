#include "help.hpp"

#include "cli11.hpp"
#include "exit_code.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

std::vector<std::string> lines_of(std::istream& input) {
    std::vector<std::string> lines;
    for (std::string line; std::getline(input, line);) {
        lines.push_back(line);
    }
    return lines;
}

std::vector<std::string> help_lines() {
    CLI::App app("Says what it is for.", "program");
    app.set_help_flag();
    std::string text;
    auto& part = cli::add_part(app);
    part.add_option("-q,--queue", text,
                    "Words that go on and on until the line that they are on is longer than eighty columns")
        ->type_name("NAME")
        ->default_str("hello")
        ->group("Group");
    part.add_option("--a-name-that-is-long", text, "Below it")->type_name("KEY[:TYPE]=VALUE")->group("Group");
    app.add_option("FILE", text, "An operand")->type_name("");
    cli::add_help(app);
    std::istringstream input(
        cli::help(app, {.name = "program", .summary = "", .operands = "[FILE]", .examples = "  program x\n"}));
    return lines_of(input);
}

TEST(Help, FitsEightyColumns) {
    for (const auto& line : help_lines()) {
        EXPECT_LE(line.size(), 80U) << line;
    }
}

TEST(Help, IsUsageOptionsExamplesAndExitCodes) {
    const auto lines = help_lines();
    const std::vector<std::string> begin{
        "Usage: program [OPTIONS] [FILE]",
        "",
        "Says what it is for.",
        "",
        "  FILE                    An operand",
        "",
        "Group:",
        "  -q, --queue NAME        Words that go on and on until the line that they are",
        "                          on is longer than eighty columns (default: hello)",
        "      --a-name-that-is-long KEY[:TYPE]=VALUE",
        "                          Below it",
        "",
        "General:",
        "  -h, --help              Show this help and exit",
        "      --version           Show the version and exit",
        "",
        "Examples:",
        "  program x",
        "",
        "Exit codes:",
    };
    ASSERT_GT(lines.size(), begin.size());
    EXPECT_EQ(std::vector(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(begin.size())), begin);
}

TEST(Help, ListsEveryExitCode) {
    const auto lines = help_lines();
    for (const auto& [code, meaning] : cli::exit_codes()) {
        const auto line = fmt::format("  {:>3}  {}", static_cast<int>(code), meaning);
        EXPECT_EQ(std::count(lines.begin(), lines.end(), line), 1) << line;
    }
}

TEST(ExitCodes, AreInOrderAndEachOnce) {
    const auto codes = cli::exit_codes();
    EXPECT_TRUE(
        std::is_sorted(codes.begin(), codes.end(), [](const auto& a, const auto& b) { return a.code < b.code; }));
    EXPECT_EQ(codes.size(), 15U);
}

TEST(ExitCodes, AreThoseOfTheReadme) {
    std::ifstream readme(README);
    ASSERT_TRUE(readme) << README;
    std::vector<std::string> in_readme;
    for (auto line : lines_of(readme)) {
        std::erase(line, '`');
        const bool is_row = line.size() > 2 && line.starts_with("| ") && line[2] >= '0' && line[2] <= '9';
        if (is_row) {
            in_readme.push_back(line);
        }
    }
    std::vector<std::string> in_code;
    for (const auto& [code, meaning] : cli::exit_codes()) {
        in_code.push_back(fmt::format("| {} | {} |", static_cast<int>(code), meaning));
    }
    EXPECT_EQ(in_readme, in_code);
}

}  // namespace
