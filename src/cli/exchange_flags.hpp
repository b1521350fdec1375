#pragma once

#include "cli11_fwd.hpp"
#include "rabbit/connection.hpp"

#include <string>
#include <vector>

namespace cli {

/// How an exchange is to be declared, as both programs' options say it.
struct ExchangeFlags {
    std::string type;  ///< empty: it is not declared
    bool transient = false;
    std::vector<std::string> arguments;

    /// `group` is the heading in --help, `exchange` the option that names the exchange, which must have been added.
    void add_to(CLI::App& app, const char* group, CLI::Option& exchange);

    /// Checks the names and arguments. Throws UsageError.
    void check(const std::string& name) const;

    /// Declares the exchange if the options say so. Throws UsageError if the broker does not know the type, and an Error
    /// that says what to change if the exchange exists with other properties.
    void declare(rabbit::Connection& connection, const std::string& name) const;

private:
    [[nodiscard]] rabbit::ExchangeOptions to_declare(const std::string& name) const;
};

}  // namespace cli
