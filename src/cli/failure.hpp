#pragma once

#include "exit_code.hpp"

#include <stdexcept>
#include <string>

namespace cli {

/// A reason to end that lies with the command line, the input or the output, with the exit code it ends with.
class Failure : public std::runtime_error {
public:
    Failure(ExitCode code, const std::string& text) : std::runtime_error(text), code_(code) {}

    [[nodiscard]] ExitCode code() const noexcept { return code_; }

private:
    ExitCode code_;
};

/// The command line asks for something that cannot be done.
class UsageError : public Failure {
public:
    explicit UsageError(const std::string& text) : Failure(ExitCode::usage, text) {}
};

}  // namespace cli
