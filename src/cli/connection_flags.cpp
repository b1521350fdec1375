#include "connection_flags.hpp"

#include "config_file.hpp"
#include "failure.hpp"
#include "number_option.hpp"
#include "repr.hpp"
#include "say.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>

namespace cli {
namespace {

using std::chrono::milliseconds;

constexpr auto group = "Connection";

void refuse(const std::string& text) {
    throw Failure(ExitCode::usage, text);
}

constexpr std::string_view separators = ", \t\r\n";

std::string_view trimmed(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(separators), text.size()));
    return text.substr(0, text.find_last_not_of(separators) + 1);
}

/// A comma may stand in a URL: only one with a URL behind it separates two, and one at either end is too many.
void split(std::string_view urls, std::vector<std::string>& into) {
    urls = trimmed(urls);
    if (urls.empty()) {
        refuse("--url: the URL is empty");
    }
    std::size_t comma = 0;
    while ((comma = urls.find(',', comma)) != urls.npos) {
        const auto behind = trimmed(urls.substr(comma));
        if (behind.starts_with("amqp://") || behind.starts_with("amqps://")) {
            into.emplace_back(trimmed(urls.substr(0, comma)));
            urls = behind;
            comma = 0;
        } else {
            ++comma;
        }
    }
    into.emplace_back(urls);
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
    if (password.empty()) {
        refuse(fmt::format("--password-file: the first line of '{}' is empty", path));
    }
    if (password.find('\0') != std::string::npos) {
        refuse(fmt::format("--password-file: the password in '{}' holds a NUL byte", path));
    }
    return password;
}

/// What stands in the place of the URLs' passwords. An empty variable is one that is not set, as with AMQP_URL.
std::optional<std::string> given_password(const ConnectionFlags& options) {
    if (!options.password_file.empty()) {
        return read_password(options.password_file);
    }
    const char* from_environment = std::getenv("AMQP_PASSWORD");
    return from_environment && *from_environment ? std::optional<std::string>(from_environment) : std::nullopt;
}

void apply_tls(const ConnectionFlags& options, rabbit::Endpoint& endpoint) {
    constexpr std::uint16_t plain_port = 5672;
    constexpr std::uint16_t tls_port = 5671;
    if (options.tls && !endpoint.tls) {
        endpoint.tls = true;
        endpoint.port = endpoint.port == plain_port ? tls_port : endpoint.port;
    }
    auto& tls = endpoint.tls_options;
    const auto override_file = [&](const char* option, const char* parameter, const std::string& file, std::string& to) {
        if (!file.empty() && !endpoint.tls) {
            refuse(fmt::format("{} needs --tls or a URL that begins with amqps://", option));
        }
        to = file.empty() ? to : file;
        if (!to.empty() && !std::ifstream(to)) {
            throw Failure(ExitCode::no_input, fmt::format("{}: cannot read '{}': {}", file.empty() ? parameter : option, to,
                                                          std::strerror(errno)));
        }
    };
    override_file("--tls-ca", "cacertfile", options.tls_ca, tls.ca_file);
    override_file("--tls-cert", "certfile", options.tls_certificate, tls.certificate_file);
    override_file("--tls-key", "keyfile", options.tls_key, tls.key_file);
    if (options.tls_insecure && !endpoint.tls) {
        refuse("--tls-insecure needs --tls or a URL that begins with amqps://");
    }
    tls.verify = tls.verify && !options.tls_insecure;
}

/// An IPv6 address may be written as in a URL.
std::string without_brackets(const std::string& host) {
    return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

/// A colon stands in IPv6 addresses only, and more than one; behind a '%' is the zone.
bool holds_more_than_a_host(std::string_view host) {
    const auto address = host.substr(0, host.find('%'));
    return std::count(host.begin(), host.end(), ':') == 1 ||
           (host.find(':') != host.npos && address.find_first_not_of("0123456789abcdefABCDEF:.") != address.npos);
}

void apply(const ConnectionFlags& options, rabbit::Endpoint& endpoint) {
    apply_tls(options, endpoint);
    endpoint.host = options.host ? without_brackets(*options.host) : endpoint.host;
    endpoint.port = options.port.value_or(endpoint.port);
    endpoint.vhost = options.vhost.value_or(endpoint.vhost);
    endpoint.user = options.user.value_or(endpoint.user);
    if (options.connect_timeout) {
        endpoint.connect_timeout = std::chrono::ceil<milliseconds>(*options.connect_timeout);
    }
    if (options.heartbeat) {
        endpoint.heartbeat = std::chrono::ceil<std::chrono::seconds>(*options.heartbeat);
    }
}

/// An empty one is a variable of the shell that was not set.
CLI::Validator file_name() {
    return {[](const std::string& name) { return name.empty() ? "the file's name is empty" : std::string(); }, ""};
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

void ConnectionFlags::add_to(CLI::App& app) {
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
    const auto add_file = [&add_text](const char* name, std::string& to, const char* description) {
        return add_text(name, to, "FILE", description)->check(file_name());
    };
    add_text("--host", host, "NAME", "In the place of the URL's");
    app.add_option("--port", port, "In the place of the URL's")
        ->check(CLI::Range(std::uint16_t{1}, std::uint16_t{65535}).description(""))
        ->type_name("N")
        ->group(group);
    add_text("--vhost", vhost, "NAME", "In the place of the URL's virtual host");
    add_text("--user", user, "NAME", "In the place of the URL's");
    add_file("--password-file", password_file,
             "Its first line in the place of the URL's password; the environment's AMQP_PASSWORD does the same");
    app.add_flag("--tls", tls, "TLS, as amqps:// has it; port 5671 in the place of 5672")->group(group);
    add_file("--tls-ca", tls_ca, "Authorities to trust in the place of the system's, PEM");
    auto* certificate = add_file("--tls-cert", tls_certificate, "The client's certificate, PEM");
    add_file("--tls-key", tls_key, "Its key, PEM, if not in the same file")->needs(certificate);
    app.add_flag("--tls-insecure", tls_insecure, "Take any certificate, from anybody")->group(group);
    const auto add_seconds = [&app](const char* name, double least, double most, auto& to, const char* description) {
        return app
            .add_option_function<double>(name, [&to](double seconds) { to = Seconds(seconds); }, description)
            ->check(number_between(least, most))
            ->type_name("SECONDS")
            ->group(group);
    };
    add_seconds("--connect-timeout", 0.001, 3600, connect_timeout, "How long one attempt may take")->default_str("10");
    add_seconds("--heartbeat", 0, 65535, heartbeat, "Interval of heartbeats; twice as long without one is a lost "
                                                 "connection; 0: none")
        ->default_str("20");
    add_seconds("--retry-for", 0, 1e9, retry_for, "How long to go on trying to connect, at first and whenever the "
                                               "connection is lost")
        ->default_str("0");
    app.set_config("--config", "", "Options by their long names, option = value a line; the command line comes first")
        ->type_name("FILE")
        ->check(file_name())
        ->group(group);
    app.config_formatter(std::make_shared<ConfigFile>(app));
    app.allow_config_extras(CLI::config_extras_mode::error);
    app.add_flag("-v,--verbose", verbose, "Say what is connected to, and each attempt")->group(group);
}

std::vector<rabbit::Endpoint> ConnectionFlags::endpoints() const {
    if (host && host->empty()) {
        refuse("--host: the name is empty");
    }
    if (host && host->find_first_of("/@") != std::string::npos) {
        refuse("--host takes a name or an address; a URL goes to --url");
    }
    if (host && holds_more_than_a_host(without_brackets(*host))) {
        refuse("--host takes a name or an address alone; the port goes to --port");
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

rabbit::Connection connect(const std::string& program, const ConnectionFlags& options, int interrupt,
                           std::optional<ConnectionFlags::Seconds> limit) {
    const auto say = [program](std::string_view text) { cli::say("{}: {}\n", program, printable(text)); };
    auto endpoints = options.endpoints();
    rabbit::ConnectionOptions connection_options{.product = "hello-rabbit", .version = HELLO_RABBIT_VERSION, .name = program};
    connection_options.interrupt = interrupt;
    connection_options.retry_for = std::chrono::ceil<milliseconds>(options.retry_for);
    if (limit) {
        const auto most = std::max(std::chrono::ceil<milliseconds>(*limit), milliseconds(1));
        connection_options.deadline = rabbit::Clock::now() + most;
        for (auto& endpoint : endpoints) {
            endpoint.connect_timeout =
                std::min(endpoint.connect_timeout.value_or(connection_options.connect_timeout), most);
        }
    }
    if (std::any_of(endpoints.begin(), endpoints.end(),
                    [](const rabbit::Endpoint& each) { return each.tls && !each.tls_options.verify; })) {
        say("warning: the broker's certificate is not verified; whoever is in between can read and change everything");
    }
    const auto tries_for = std::min(options.retry_for, limit.value_or(options.retry_for));
    if (options.verbose) {
        connection_options.on_passed_over = [say](const rabbit::Error& error) { say(error.what()); };
    }
    connection_options.on_retry = [say, &options, tries_for, told = false](const rabbit::Error& error,
                                                                           milliseconds pause) mutable {
        if (options.verbose) {
            say(fmt::format("{}; trying again in {:.1f} s", error.what(), ConnectionFlags::Seconds(pause).count()));
        } else if (!std::exchange(told, true) && !options.quiet) {
            say(fmt::format("{}; trying again for {} s", error.what(), tries_for.count()));
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
