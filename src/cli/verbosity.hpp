#pragma once

#include <CLI/CLI.hpp>

namespace cli {

/// How much is said on standard error beside the errors.
struct Verbosity {
    bool quiet = false;
    bool verbose = false;

    void add_to(CLI::App& app) {
        constexpr auto group = "General";
        app.add_flag("-Q,--quiet", quiet, "Say nothing but what went wrong")->group(group);
        app.add_flag("-v,--verbose", verbose, "Say what is connected to, and each attempt")->group(group);
    }
};

}  // namespace cli
