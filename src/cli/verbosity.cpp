#include "verbosity.hpp"

#include "cli11.hpp"

namespace cli {

void Verbosity::add_to(CLI::App& app) {
    constexpr auto group = "General";
    app.add_flag("-Q,--quiet", quiet, "Say nothing but what went wrong")->group(group);
    app.add_flag("-v,--verbose", verbose, "Say what is connected to, and each attempt")->group(group);
}

}  // namespace cli
