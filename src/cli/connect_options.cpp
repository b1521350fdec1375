#include "cli/connect_options.hpp"

#include "cli/failure.hpp"
#include "cli/number_option.hpp"
#include "cli/repr.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

namespace cli {
namespace {

using std::chrono::milliseconds;

constexpr auto group = "Connection";

void refuse(const std::string& text) {
    throw Failure(ExitCode::usage, text);
}

/// A comma may stand in a URL: only one with a URL behind it separates two.
void split(std::string_view urls, std::vector<std::string>& into) {
    for (std::size_t comma = 0; comma != std::string_view::npos;) {
        comma = urls.find(",amqp");
        into.emplace_back(urls.substr(0, comma));
        urls.remove_prefix(std::min(urls.size(), comma == std::string_view::npos ? urls.size() : comma + 1));
    }
}

/// The first line; the newline that an editor leaves behind a password is none of it.
std::string read_password(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string password;
    if (!file || !(std::getline(file, password) || file.eof())) {
        throw Failure(ExitCode::no_input,
                      fmt::format("--password-file: cannot read '{}': {}", path, std::strerror(errno)));
    }
    if (password.ends_with('\r')) {
        password.pop_back();
    }
    if (password.find('\0') != std::string::npos) {
        refuse(fmt::format("--password-file: the password in '{}' holds a NUL byte", path));
    }
    return password;
}

/// What stands in the place of the URLs' passwords.
std::optional<std::string> given_password(const ConnectOptions& options) {
    if (!options.password_file.empty()) {
        return read_password(options.password_file);
    }
    const char* from_environment = std::getenv("AMQP_PASSWORD");
    return from_environment ? std::optional<std::string>(from_environment) : std::nullopt;
}

void apply_tls(const ConnectOptions& options, rabbit::Endpoint& endpoint) {
    constexpr std::uint16_t plain_port = 5672;
    constexpr std::uint16_t tls_port = 5671;
    if (options.tls && !endpoint.tls) {
        endpoint.tls = true;
        endpoint.port = endpoint.port == plain_port ? tls_port : endpoint.port;
    }
    auto& tls = endpoint.tls_options;
    const auto override_file = [&](const char* option, const std::string& file, std::string& to) {
        if (file.empty()) {
            return;
        }
        if (!endpoint.tls) {
            refuse(fmt::format("{} needs --tls or a URL that begins with amqps://", option));
        }
        if (!std::ifstream(file)) {
            throw Failure(ExitCode::no_input, fmt::format("{}: cannot read '{}': {}", option, file, std::strerror(errno)));
        }
        to = file;
    };
    override_file("--tls-ca", options.tls_ca, tls.ca_file);
    override_file("--tls-cert", options.tls_certificate, tls.certificate_file);
    override_file("--tls-key", options.tls_key, tls.key_file);
    if (options.tls_insecure && !endpoint.tls) {
        refuse("--tls-insecure needs --tls or a URL that begins with amqps://");
    }
    tls.verify = tls.verify && !options.tls_insecure;
}

void apply(const ConnectOptions& options, rabbit::Endpoint& endpoint) {
    apply_tls(options, endpoint);
    endpoint.host = options.host.value_or(endpoint.host);
    endpoint.port = options.port.value_or(endpoint.port);
    endpoint.vhost = options.vhost.value_or(endpoint.vhost);
    endpoint.user = options.user.value_or(endpoint.user);
    if (options.connect_timeout) {
        endpoint.connect_timeout = std::max(std::chrono::ceil<milliseconds>(*options.connect_timeout), milliseconds(1));
    }
    if (options.heartbeat) {
        endpoint.heartbeat = std::chrono::ceil<std::chrono::seconds>(*options.heartbeat);
    }
}

std::string describe(const rabbit::Connection& connection) {
    const auto& endpoint = connection.endpoint();
    return fmt::format("connected to {}{}, {}, virtual host '{}'{}", endpoint.name(), endpoint.tls ? " with TLS" : "",
                       connection.server(), endpoint.vhost,
                       endpoint.auth_mechanism == rabbit::AuthMechanism::plain
                           ? fmt::format(", as '{}'", endpoint.user)
                           : "");
}

}  // namespace

void ConnectOptions::add_to(CLI::App& app) {
    app.add_option("--url", urls,
                   "The broker: amqp[s]://user:password@host:port/vhost?heartbeat=...; several, repeated or separated by "
                   "commas, are the nodes of one cluster, tried in turn")
        ->envname("AMQP_URL")
        ->type_name("URL")
        ->allow_extra_args(false)
        ->default_str(urls.front())
        ->group(group);
    const auto add_text = [&app](const char* name, auto& to, const char* type, const char* description) {
        return app.add_option(name, to, description)->type_name(type)->group(group);
    };
    add_text("--host", host, "NAME", "In the place of the URL's");
    app.add_option("--port", port, "In the place of the URL's")
        ->check(CLI::Range(std::uint16_t{1}, std::uint16_t{65535}).description(""))
        ->type_name("N")
        ->group(group);
    add_text("--vhost", vhost, "NAME", "In the place of the URL's virtual host");
    add_text("--user", user, "NAME", "In the place of the URL's");
    add_text("--password-file", password_file, "FILE",
             "Its first line in the place of the URL's password; the environment's AMQP_PASSWORD does the same");
    app.add_flag("--tls", tls, "TLS, as amqps:// has it; port 5671 in the place of 5672")->group(group);
    add_text("--tls-ca", tls_ca, "FILE", "Authorities to trust in the place of the system's, PEM");
    auto* certificate = add_text("--tls-cert", tls_certificate, "FILE", "The client's certificate, PEM");
    add_text("--tls-key", tls_key, "FILE", "Its key, PEM, if not in the same file")->needs(certificate);
    app.add_flag("--tls-insecure", tls_insecure, "Take any certificate, from anybody")->group(group);
    const auto add_seconds = [&app](const char* name, double most, auto& to, const char* description) {
        return app
            .add_option_function<double>(name, [&to](double seconds) { to = Seconds(seconds); }, description)
            ->check(number_between(0, most))
            ->type_name("SECONDS")
            ->group(group);
    };
    add_seconds("--connect-timeout", 3600, connect_timeout, "How long one attempt may take")->default_str("10");
    add_seconds("--heartbeat", 65535, heartbeat, "Interval of heartbeats; twice as long without one is a lost "
                                                 "connection; 0: none")
        ->default_str("20");
    add_seconds("--retry-for", 1e9, retry_for, "How long to go on trying to connect, at first and whenever the "
                                               "connection is lost")
        ->default_str("0");
    app.add_flag("-v,--verbose", verbose, "Say what is connected to, and each attempt")->group(group);
}

std::vector<rabbit::Endpoint> ConnectOptions::endpoints() const {
    if (host && host->empty()) {
        refuse("--host: the name is empty");
    }
    if (host && std::count(host->begin(), host->end(), ':') == 1) {
        refuse(fmt::format("--host {}: the port goes to --port", *host));
    }
    rabbit::check_short_string("virtual host's name", vhost.value_or(""));
    const auto password = given_password(*this);
    std::vector<std::string> each_url;
    for (const auto& url : urls) {
        split(url, each_url);
    }
    std::vector<rabbit::Endpoint> result;
    for (const auto& url : each_url) {
        auto endpoint = rabbit::Endpoint::parse(url);
        apply(*this, endpoint);
        endpoint.password = password.value_or(endpoint.password);
        if (std::find(result.begin(), result.end(), endpoint) == result.end()) {
            result.push_back(std::move(endpoint));
        }
    }
    return result;
}

rabbit::Connection connect(const std::string& program, const ConnectOptions& options, int interrupt,
                           std::optional<ConnectOptions::Seconds> limit) {
    const auto say = [program](std::string_view text) { fmt::print(stderr, "{}: {}\n", program, printable(text)); };
    auto endpoints = options.endpoints();
    rabbit::ConnectionOptions connection_options{.product = "hello-rabbit", .version = HELLO_RABBIT_VERSION, .name = program};
    connection_options.interrupt = interrupt;
    connection_options.retry_for = std::chrono::ceil<milliseconds>(options.retry_for);
    if (limit) {
        const auto most = std::max(std::chrono::ceil<milliseconds>(*limit), milliseconds(1));
        connection_options.retry_until = rabbit::Clock::now() + most;
        for (auto& endpoint : endpoints) {
            endpoint.connect_timeout =
                std::min(endpoint.connect_timeout.value_or(connection_options.connect_timeout), most);
        }
    }
    if (std::any_of(endpoints.begin(), endpoints.end(),
                    [](const rabbit::Endpoint& each) { return each.tls && !each.tls_options.verify; })) {
        say("warning: the broker's certificate is not verified; whoever is in between can read and change everything");
    }
    connection_options.on_retry = [say, &options, told = false](const rabbit::Error& error, milliseconds pause) mutable {
        if (options.verbose) {
            say(fmt::format("{}; trying again in {:.1f} s", error.what(), ConnectOptions::Seconds(pause).count()));
        } else if (!std::exchange(told, true) && !options.quiet) {
            say(fmt::format("{}; trying again for {} s", error.what(), options.retry_for.count()));
        }
    };
    connection_options.on_blocked = [say](std::optional<std::string_view> reason) {
        say(reason ? fmt::format("the broker takes no messages for now: {}", *reason)
                   : "the broker takes messages again");
    };
    rabbit::Connection connection(std::move(endpoints), std::move(connection_options));
    if (options.verbose) {
        say(describe(connection));
    }
    return connection;
}

}  // namespace cli
