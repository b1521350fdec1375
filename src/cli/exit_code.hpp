#pragma once

#include <span>
#include <string_view>

namespace cli {

/// How the programs end; the numbers are sysexits.h's, a shell's for signals, timeout(1)'s, and a few small ones of
/// their own.
enum class ExitCode {
    done = 0,
    failed = 1,
    nothing_came = 2,
    too_few_came = 3,
    rejected = 4,
    usage = 64,
    bad_input = 65,
    no_input = 66,
    unreachable = 69,
    bad_output = 74,
    refused = 77,
    timeout = 124,
    interrupted = 130,
    reader_gone = 141,
    terminated = 143,
};

struct ExitCodeMeaning {
    ExitCode code;
    std::string_view meaning;
};

/// Every exit code once, in the order of their numbers, as --help and the README list them.
std::span<const ExitCodeMeaning> exit_codes() noexcept;

}  // namespace cli
