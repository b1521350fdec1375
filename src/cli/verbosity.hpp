#pragma once

#include "cli11_fwd.hpp"

namespace cli {

/// How much is said on standard error beside the errors.
struct Verbosity {
    bool quiet = false;
    bool verbose = false;

    void add_to(CLI::App& app);
};

}  // namespace cli
