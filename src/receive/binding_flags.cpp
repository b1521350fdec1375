#include "binding_flags.hpp"

#include "cli11.hpp"
#include "failure.hpp"
#include "field_option.hpp"
#include "rabbit/error.hpp"

namespace receiving {

void BindingFlags::add_to(CLI::App& app, const char* group) {
    auto* bind =
        cli::add_repeatable(app, "-b,--bind", bindings,
                            "Bind the queue to EXCHANGE (repeatable); without --queue, an exclusive queue that "
                            "the broker names")
            ->type_name("EXCHANGE[:KEY]")
            ->group(group);
    cli::add_repeatable(app, "--bind-arg", arguments, "Bind with this argument, for headers exchanges (repeatable)")
        ->type_name("KEY[:TYPE]=VALUE")
        ->needs(bind)
        ->group(group);
    exchange.add_to(app, group, *bind);
}

void BindingFlags::check() const {
    for (const auto& [name, routing_key] : sources()) {
        rabbit::check_short_string("exchange name", name);
        rabbit::check_short_string("routing key", routing_key);
        exchange.check(name);
    }
    static_cast<void>(parsed_arguments());
}

void BindingFlags::apply(rabbit::Connection& connection, const std::string& queue) const {
    const auto with = parsed_arguments();
    for (const auto& source : sources()) {
        exchange.declare(connection, source.exchange);
        connection.bind(queue, source, with);
    }
}

std::vector<rabbit::Address> BindingFlags::sources() const {
    std::vector<rabbit::Address> result;
    for (const auto& binding : bindings) {
        const auto colon = binding.find(':');
        result.push_back({.exchange = binding.substr(0, colon),
                          .routing_key = colon == std::string::npos ? "" : binding.substr(colon + 1)});
        if (result.back().exchange.empty()) {
            throw cli::UsageError("--bind '" + binding + "': the exchange's name is empty");
        }
    }
    return result;
}

rabbit::Table BindingFlags::parsed_arguments() const {
    rabbit::Table table;
    for (const auto& argument : arguments) {
        table.push_back(cli::parse_header("--bind-arg", argument));
    }
    return table;
}

}  // namespace receiving
