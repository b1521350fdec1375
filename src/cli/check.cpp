#include "check.hpp"

#include "connect.hpp"
#include "output.hpp"
#include "repr.hpp"
#include "signals.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace cli {

ExitCode check(const std::string& program, const ConnectionFlags& flags, const Verbosity& verbosity) {
    const Signals signals;
    auto connection = connect(program, flags, verbosity, signals.descriptor());
    connection.close();
    if (!verbosity.quiet) {
        const auto& endpoint = connection.endpoint();
        Output output(STDOUT_FILENO);
        output.write(fmt::format("{} at {}, virtual host '{}'\n", printable(connection.server()), endpoint.name(),
                                 printable(endpoint.vhost)));
        output.flush();
    }
    return ExitCode::done;
}

}  // namespace cli
