#include "runnable.hpp"

#include "failure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace receiving {
namespace {

/// Why execve(2) would not run this file; empty: it would.
std::optional<std::string> why_not_executable(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
        return std::strerror(errno);
    }
    if (S_ISDIR(status.st_mode)) {
        return std::strerror(EISDIR);
    }
    if (faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) != 0) {
        const bool mode_lacks_it = (status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0;
        return mode_lacks_it ? "it is not executable (chmod +x makes it so)" : std::strerror(errno);
    }
    return std::nullopt;
}

/// The interpreter that a script's first line names, without its argument.
std::string interpreter_in(std::string_view first_line) {
    const auto begin = std::min(first_line.find_first_not_of(" \t", 2), first_line.size());
    return std::string(first_line.substr(begin, first_line.find_first_of(" \t", begin) - begin));
}

/// As much of a file as the kernel looks at; empty if it cannot be read, as a program need not be.
std::optional<std::string> beginning_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return std::nullopt;
    }
    std::string start(256, '\0');
    file.read(start.data(), static_cast<std::streamsize>(start.size()));
    start.resize(static_cast<std::size_t>(file.gcount()));
    return start;
}

/// The same, for what the file holds too.
std::optional<std::string> why_not_runnable(const std::string& path) {
    if (auto why = why_not_executable(path)) {
        return why;
    }
    const auto start = beginning_of(path);
    if (!start) {
        return std::nullopt;
    }
    if (start->starts_with("#!")) {
        const auto interpreter = interpreter_in(std::string_view(*start).substr(0, start->find('\n')));
        const auto why = why_not_executable(interpreter);
        return why ? std::optional(fmt::format("its interpreter '{}': {}", interpreter, *why)) : std::nullopt;
    }
    const bool text = start->find('\0') == std::string::npos;
    return text ? std::optional<std::string>("it is neither a program nor a script that begins with #!") : std::nullopt;
}

std::string search_path() {
    if (const char* path = std::getenv("PATH")) {
        return path;
    }
    std::string path(confstr(_CS_PATH, nullptr, 0), '\0');
    confstr(_CS_PATH, path.data(), path.size());
    path.pop_back();
    return path;
}

/// A file that is there but cannot be run says more than one that is not there.
std::optional<std::string> why_not_found_on_path(const std::string& name) {
    std::string why = "it is not in any folder of PATH";
    const auto path = search_path() + ':';
    for (std::size_t begin = 0; begin < path.size();) {
        const auto end = path.find(':', begin);
        const auto folder = path.substr(begin, end - begin);
        const auto candidate = (folder.empty() ? "." : folder) + '/' + name;
        begin = end + 1;
        const auto why_not_this = why_not_runnable(candidate);
        if (!why_not_this) {
            return std::nullopt;
        }
        if (access(candidate.c_str(), F_OK) == 0) {
            why = fmt::format("{}: {}", candidate, *why_not_this);
        }
    }
    return why;
}

}  // namespace

void check_runnable(const std::vector<std::string>& command) {
    const auto& name = command.front();
    const auto why = name.empty()                          ? std::optional<std::string>("its name is empty")
                     : name.find('/') != std::string::npos ? why_not_runnable(name)
                                                           : why_not_found_on_path(name);
    if (why) {
        throw cli::Failure(cli::ExitCode::usage, fmt::format("cannot run '{}': {}", name, *why));
    }
}

}  // namespace receiving
