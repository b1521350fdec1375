#include "exchange_flags.hpp"

#include "cli11.hpp"
#include "failure.hpp"
#include "field_option.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

#include <string_view>

namespace cli {
namespace {

/// How the exchange differs from the one asked for. The broker names the first difference only.
std::string difference(const std::string& cause) {
    const auto has = [&cause](std::string_view text) { return cause.find(text) != std::string::npos; };
    if (has("inequivalent arg 'durable'")) {
        return has("current is 'false'") ? "it exists and is not durable; add --exchange-transient"
                                         : "it exists and is durable; leave --exchange-transient out";
    }
    return "it exists with other properties; leave --exchange-type out to use it as it is, delete it first, or take "
           "another name";
}

}  // namespace

void ExchangeFlags::add_to(CLI::App& app, const char* group, CLI::Option& exchange) {
    auto* with_type =
        app.add_option("--exchange-type", type,
                       "Declare the exchange with this type, one of these or one that a plugin adds; without it, the "
                       "exchange must exist")
            ->type_name("direct|fanout|topic|headers|TYPE")
            ->check(CLI::Validator(
                [](const std::string& text) { return text.empty() ? std::string("the type is empty") : std::string(); },
                ""))
            ->needs(&exchange)
            ->group(group);
    app.add_flag("--exchange-transient", transient, "Declare it transient: it does not outlive a restart of the broker")
        ->needs(with_type)
        ->group(group);
    add_repeatable(app, "--exchange-arg", arguments,
                   "Declare it with this argument, such as alternate-exchange (repeatable)")
        ->type_name("KEY[:TYPE]=VALUE")
        ->needs(with_type)
        ->group(group);
}

rabbit::ExchangeOptions ExchangeFlags::to_declare(const std::string& name) const {
    rabbit::ExchangeOptions result{.name = name, .type = type, .durable = !transient};
    for (const auto& argument : arguments) {
        result.arguments.push_back(parse_argument("--exchange-arg", argument));
    }
    return result;
}

void ExchangeFlags::check(const std::string& name) const {
    if (!type.empty() && name.empty()) {
        throw UsageError("--exchange-type: the default exchange exists always; name another with --exchange");
    }
    rabbit::check_short_string("exchange type", type);
    static_cast<void>(to_declare(name));
}

void ExchangeFlags::declare(rabbit::Connection& connection, const std::string& name) const {
    if (type.empty()) {
        return;
    }
    try {
        connection.declare_exchange(to_declare(name));
    } catch (const rabbit::Error& error) {
        const auto has = [&error](std::string_view text) { return error.cause().find(text) != std::string::npos; };
        if (has("unknown exchange type")) {
            throw UsageError(
                fmt::format("--exchange-type {}: the broker does not know this type ({})", type, error.cause()));
        }
        if (has("inequivalent arg")) {
            throw rabbit::Error(error.kind(), error.operation(),
                                fmt::format("{} ({})", difference(error.cause()), error.cause()), error.reply_code());
        }
        throw;
    }
}

}  // namespace cli
