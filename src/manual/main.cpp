#include "page.hpp"
#include "receive/about.hpp"
#include "receive/options.hpp"
#include "send/about.hpp"
#include "send/options.hpp"

#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>

namespace {

/// What is the same for both programs.
struct Release {
    std::string prefix;
    std::string version;
    std::string date;
};

template <class Options>
manual::Page page_of(cli::Program own, const std::string& other, manual::Prose prose, const Release& release) {
    const auto name = release.prefix + own.name;
    manual::Page page{.program = cli::called(std::move(own), name.c_str()),
                      .other = release.prefix + other,
                      .operands = {},
                      .groups = {},
                      .prose = std::move(prose),
                      .version = release.version,
                      .date = release.date};
    Options options;
    manual::add_options(page, [&options](CLI::App& app) { options.add_to(app); });
    return page;
}

void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file) {
        throw std::runtime_error("cannot write " + path.string());
    }
}

void write_all(const std::filesystem::path& directory, const manual::Page& page) {
    const auto& name = page.program.name;
    write(directory / "man" / (name + ".1"), manual::roff(page));
    write(directory / "bash" / name, manual::bash(page));
    write(directory / "zsh" / ("_" + name), manual::zsh(page));
    write(directory / "fish" / (name + ".fish"), manual::fish(page));
}

}  // namespace

/// manual DIRECTORY PREFIX VERSION DATE: writes the manual page and the completions of each program.
int main(int argc, char** argv) {
    if (argc != 5) {
        std::cerr << "manual DIRECTORY PREFIX VERSION DATE\n";
        return 64;
    }
    try {
        const Release release{argv[2], argv[3], argv[4]};
        write_all(argv[1], page_of<sending::Options>(sending::about(), "receive", manual::prose_of_send(), release));
        write_all(argv[1],
                  page_of<receiving::Options>(receiving::about(), "send", manual::prose_of_receive(), release));
    } catch (const std::exception& error) {
        std::cerr << "manual: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
