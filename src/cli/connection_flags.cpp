#include "connection_flags.hpp"

#include "cli11.hpp"
#include "failure.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace cli {
namespace {

using std::chrono::milliseconds;

constexpr auto group_name = "Connection";

constexpr auto default_url = "amqp://guest:guest@localhost:5672/";

std::string_view without_separators_around(std::string_view text) {
    constexpr std::string_view separators = ", \t\r\n";
    text.remove_prefix(std::min(text.find_first_not_of(separators), text.size()));
    return text.substr(0, text.find_last_not_of(separators) + 1);
}

/// A comma may stand in a URL: only one with a URL after it separates two. One at either end is too many, and ignored.
void split(std::string_view urls, std::vector<std::string>& into) {
    urls = without_separators_around(urls);
    std::size_t comma = 0;
    while ((comma = urls.find(',', comma)) != std::string_view::npos) {
        const auto next = without_separators_around(urls.substr(comma));
        if (next.starts_with("amqp://") || next.starts_with("amqps://")) {
            into.emplace_back(without_separators_around(urls.substr(0, comma)));
            urls = next;
            comma = 0;
        } else {
            ++comma;
        }
    }
    into.emplace_back(urls);
}

/// The first line, without the newline that an editor puts after it.
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
        throw UsageError(fmt::format("--password-file: the first line of '{}' is empty", path));
    }
    if (password.find('\0') != std::string::npos) {
        throw UsageError(fmt::format("--password-file: the password in '{}' holds a NUL byte", path));
    }
    return password;
}

/// What overrides the URLs' passwords. An empty variable counts as one that is not set, as with AMQP_URL.
std::optional<std::string> given_password(const ConnectionFlags& options) {
    if (!options.password_file.empty()) {
        return read_password(options.password_file);
    }
    const char* from_environment = options.url_option == "--url" ? std::getenv("AMQP_PASSWORD") : nullptr;
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
    const auto override_file = [&](const char* option, const char* parameter, const std::string& file,
                                   std::string& to) {
        if (!file.empty() && !endpoint.tls) {
            throw UsageError(fmt::format("{} needs --tls or a URL that begins with amqps://", option));
        }
        to = file.empty() ? to : file;
        if (!to.empty() && !std::ifstream(to)) {
            throw Failure(ExitCode::no_input, fmt::format("{}: cannot read '{}': {}", file.empty() ? parameter : option,
                                                          to, std::strerror(errno)));
        }
    };
    override_file("--tls-ca", "cacertfile", options.tls_ca, tls.ca_file);
    override_file("--tls-cert", "certfile", options.tls_certificate, tls.certificate_file);
    override_file("--tls-key", "keyfile", options.tls_key, tls.key_file);
    if (options.tls_insecure && !endpoint.tls) {
        throw UsageError("--tls-insecure needs --tls or a URL that begins with amqps://");
    }
    tls.verify = tls.verify && !options.tls_insecure;
}

/// An IPv6 address may be written as in a URL.
std::string without_brackets(const std::string& host) {
    return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

rabbit::Endpoint parse_url(const std::string& url, const std::string& source) {
    try {
        return rabbit::Endpoint::parse(url);
    } catch (const rabbit::Error& error) {
        throw UsageError(fmt::format("{}: {}", source, error.what()));
    }
}

/// Only an IPv6 address holds colons, and then more than one; its zone follows a '%'.
bool holds_more_than_a_host(std::string_view host) {
    const auto address = host.substr(0, host.find('%'));
    return std::count(host.begin(), host.end(), ':') == 1 ||
           (host.find(':') != std::string::npos &&
            address.find_first_not_of("0123456789abcdefABCDEF:.") != std::string::npos);
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

}  // namespace

void ConnectionFlags::add_to(CLI::App& app) {
    add_repeatable(app, "--url", urls,
                   "Where the broker is: amqp[s]://user:password@host:port/vhost?heartbeat=...; several, repeated or "
                   "separated by commas, are the nodes of one cluster, tried in turn (environment: AMQP_URL)")
        ->type_name("URL")
        ->default_str(default_url)
        ->group(group_name);
    const auto add_text = [&app](const char* name, auto& to, const char* type, const char* description) {
        return app.add_option(name, to, description)->type_name(type)->group(group_name);
    };
    const auto add_file = [&add_text](const char* name, std::string& to, const char* description) {
        return add_text(name, to, "FILE", description)->check(file_name());
    };
    add_text("--host", host, "NAME", "Override the URL's host");
    add_number<std::uint16_t>(app, "--port", port, 1, 65535, "Override the URL's port")->group(group_name);
    add_text("--vhost", vhost, "NAME", "Override the URL's virtual host");
    add_text("--user", user, "NAME", "Override the URL's user");
    add_file(
        "--password-file", password_file,
        "Override the URL's password with the first line of FILE (environment: AMQP_PASSWORD, the password itself)");
    app.add_flag("--tls", tls, "Use TLS, as amqps:// does; port 5672 becomes 5671")->group(group_name);
    add_file("--tls-ca", tls_ca, "Trust the authorities in FILE (PEM) and not the system's");
    auto* certificate = add_file("--tls-cert", tls_certificate, "The client's certificate (PEM)");
    add_file("--tls-key", tls_key, "The key of --tls-cert (PEM), if it is not in the same file")->needs(certificate);
    app.add_flag("--tls-insecure", tls_insecure, "Do not verify the broker's certificate")->group(group_name);
    add_seconds(app, "--connect-timeout", connect_timeout, 0.001, 3600, "Give up an attempt to connect after this long")
        ->default_str("10")
        ->group(group_name);
    add_seconds(app, "--heartbeat", heartbeat, 0, 65535,
                "Send heartbeats at this interval, and count the connection as lost when none has come for twice as "
                "long; 0: no heartbeats")
        ->default_str("20")
        ->group(group_name);
    add_seconds(app, "--retry-for", retry_for, 0, 1e9,
                "Go on trying to connect for this long, at first and whenever the connection is lost")
        ->default_str("0")
        ->group(group_name);
    app.add_flag("--check", check,
                 "Only connect, log in and end: is the broker there? With --retry-for, wait until it is")
        ->group(group_name);
}

std::vector<rabbit::Endpoint> ConnectionFlags::endpoints() const {
    check_host();
    rabbit::check_short_string("virtual host's name", vhost.value_or(""));
    const auto password = given_password(*this);
    std::vector<rabbit::Endpoint> result;
    const auto given = given_urls();
    for (std::size_t i = 0; i < given.size(); ++i) {
        auto endpoint = parse_url(given[i], fmt::format("{}{}", urls.empty() ? "AMQP_URL" : url_option,
                                                        given.size() > 1 ? fmt::format(", URL {}", i + 1) : ""));
        apply(*this, endpoint);
        endpoint.password = password.value_or(endpoint.password);
        if (std::find(result.begin(), result.end(), endpoint) == result.end()) {
            result.push_back(std::move(endpoint));
        }
    }
    return result;
}

void ConnectionFlags::check_host() const {
    if (host && host->empty()) {
        throw UsageError("--host: the name is empty");
    }
    if (host && host->find_first_of("/@") != std::string::npos) {
        throw UsageError("--host takes a name or an address; a URL goes to --url");
    }
    if (host && holds_more_than_a_host(without_brackets(*host))) {
        throw UsageError("--host takes a name or an address alone; the port goes to --port");
    }
}

/// An empty AMQP_URL counts as one that is not set.
std::vector<std::string> ConnectionFlags::given_urls() const {
    const char* variable = std::getenv("AMQP_URL");
    std::vector<std::string> result;
    for (const auto& each : urls) {
        if (without_separators_around(each).empty()) {
            throw UsageError(fmt::format("{}: the URL is empty", url_option));
        }
        split(each, result);
    }
    if (urls.empty() && variable && !without_separators_around(variable).empty()) {
        split(variable, result);
    }
    if (result.empty()) {
        result.emplace_back(default_url);
    }
    return result;
}

}  // namespace cli
