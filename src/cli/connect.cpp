#include "connect.hpp"

#include "rabbit/error.hpp"
#include "repr.hpp"
#include "say.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

namespace cli {
namespace {

using std::chrono::milliseconds;

/// Says what connecting has come to, as much of it as is wanted.
class Narrator {
public:
    Narrator(std::string program, Verbosity verbosity, Seconds tries_for)
        : program_(std::move(program)), verbosity_(verbosity), tries_for_(tries_for) {}

    void warn_if_unverified(const std::vector<rabbit::Endpoint>& endpoints) const {
        if (std::any_of(endpoints.begin(), endpoints.end(),
                        [](const rabbit::Endpoint& each) { return each.tls && !each.tls_options.verify; })) {
            tell(
                "warning: the broker's certificate is not verified; whoever is in between can read and change "
                "everything");
        }
    }

    void passed_over(const rabbit::Error& error) const {
        if (verbosity_.verbose) {
            tell(error.what());
        }
    }

    void trying_again(const rabbit::Error& error, milliseconds pause) {
        if (verbosity_.verbose) {
            tell(fmt::format("{}; trying again in {:.1f} s", error.what(), Seconds(pause).count()));
        } else if (!std::exchange(told_of_retries_, true) && !verbosity_.quiet) {
            tell(fmt::format("{}; trying again for {} s", error.what(), tries_for_.count()));
        }
    }

    void blocked(std::optional<std::string_view> reason) const {
        tell(reason ? fmt::format("the broker takes no messages for now: {}", *reason)
                    : "the broker takes messages again");
    }

    void connected(const rabbit::Connection& connection) const {
        if (!verbosity_.verbose) {
            return;
        }
        const auto& endpoint = connection.endpoint();
        const bool has_user = endpoint.auth_mechanism == rabbit::AuthMechanism::plain;
        tell(fmt::format("connected to {}{}, {}, virtual host '{}'{}", endpoint.name(), endpoint.tls ? " with TLS" : "",
                         connection.server(), endpoint.vhost, has_user ? fmt::format(", as '{}'", endpoint.user) : ""));
    }

private:
    void tell(std::string_view text) const { say("{}: {}\n", program_, printable(text)); }

    std::string program_;
    Verbosity verbosity_;
    Seconds tries_for_;
    bool told_of_retries_ = false;
};

}  // namespace

rabbit::Connection connect(const std::string& program, const ConnectionFlags& flags, const Verbosity& verbosity,
                           int interrupt, std::optional<Seconds> limit, std::optional<rabbit::QueueOptions> declare) {
    auto endpoints = flags.endpoints();
    rabbit::ConnectionOptions options{.product = "hello-rabbit", .version = HELLO_RABBIT_VERSION, .name = program};
    options.interrupt = interrupt;
    options.declare = std::move(declare);
    options.retry_for = std::chrono::ceil<milliseconds>(flags.retry_for);
    if (flags.check) {  // somebody waits for the broker, and for nothing but that
        options.longest_pause = milliseconds(400);
    }
    if (limit) {
        const auto most = std::max(std::chrono::ceil<milliseconds>(*limit), milliseconds(1));
        options.deadline = rabbit::Clock::now() + most;
        for (auto& endpoint : endpoints) {
            endpoint.connect_timeout = std::min(endpoint.connect_timeout.value_or(options.connect_timeout), most);
        }
    }
    const auto narrator =
        std::make_shared<Narrator>(program, verbosity, std::min(flags.retry_for, limit.value_or(flags.retry_for)));
    narrator->warn_if_unverified(endpoints);
    options.on_passed_over = [narrator](const rabbit::Error& error) { narrator->passed_over(error); };
    options.on_retry = [narrator](const rabbit::Error& error, milliseconds pause) {
        narrator->trying_again(error, pause);
    };
    options.on_blocked = [narrator](std::optional<std::string_view> reason) { narrator->blocked(reason); };
    rabbit::Connection connection(std::move(endpoints), std::move(options));
    narrator->connected(connection);
    return connection;
}

}  // namespace cli
