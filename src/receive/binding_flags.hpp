#pragma once

#include "cli11_fwd.hpp"
#include "exchange_flags.hpp"
#include "rabbit/connection.hpp"

#include <string>
#include <vector>

namespace receiving {

/// The exchanges that the queue is bound to.
struct BindingFlags {
    std::vector<std::string> bindings;
    std::vector<std::string> arguments;
    cli::ExchangeFlags exchange;

    void add_to(CLI::App& app, const char* group);

    [[nodiscard]] bool given() const noexcept { return !bindings.empty(); }
    /// Checks what single options cannot. Throws cli::Failure of code `usage`.
    void check() const;
    /// Declares the exchanges if the options say so, and binds the queue to them.
    void apply(rabbit::Connection& connection, const std::string& queue) const;

private:
    [[nodiscard]] std::vector<rabbit::Address> sources() const;
    [[nodiscard]] rabbit::Table parsed_arguments() const;
};

}  // namespace receiving
