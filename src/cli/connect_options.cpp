#include "cli/connect_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace cli {

void ConnectOptions::add_to(CLI::App& app) {
    app.add_option("--url", url, "The broker: amqp[s]://user:password@host:port/vhost")
        ->envname("AMQP_URL")
        ->type_name("URL")
        ->capture_default_str()
        ->group("Connection");
}

void ConnectOptions::limit(std::optional<std::chrono::duration<double>> run) {
    if (run) {
        const auto most = std::chrono::ceil<std::chrono::milliseconds>(*run);
        connect_timeout = std::clamp(connect_timeout, std::chrono::milliseconds(1), std::max(most, std::chrono::milliseconds(1)));
    }
}

rabbit::Endpoint ConnectOptions::endpoint() const {
    return rabbit::Endpoint::parse(url);
}

rabbit::Connection connect(const std::string& program, const ConnectOptions& options, int interrupt) {
    return rabbit::Connection(
        options.endpoint(),
        {.product = "hello-rabbit",
         .version = HELLO_RABBIT_VERSION,
         .name = program,
         .connect_timeout = options.connect_timeout,
         .interrupt = interrupt,
         .on_blocked = [program](std::optional<std::string_view> reason) {
             fmt::print(stderr, "{}: the broker {}\n", program,
                        reason ? fmt::format("takes no messages for now: {}", *reason) : "takes messages again");
         }});
}

}  // namespace cli
