#include "login.hpp"

#include "codec/table_codec.hpp"
#include "queue_declaration.hpp"
#include "rabbit/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace rabbit {
namespace {

constexpr std::uint16_t channel_max = channel_number;
constexpr std::uint32_t frame_min = 4096;  // AMQP 0-9-1, section 1.4.2.6 of the generated reference

/// What else may be listening on a port that does not answer with AMQP frames.
std::string other_protocol(std::string_view first_bytes, bool over_tls) {
    constexpr char tls_alert = 21;  // RFC 8446, section 5.1
    if (!over_tls && first_bytes.starts_with(tls_alert)) {
        return "this port is for TLS; the URL for it begins with amqps://";
    }
    if (first_bytes.starts_with("HTTP/")) {
        return "this port speaks HTTP (RabbitMQ's management listens on 15672); AMQP's port is 5672, with TLS 5671";
    }
    if (first_bytes.starts_with("AMQP")) {
        return "it offers another version of AMQP than 0-9-1";
    }
    return {};
}

class Login {
public:
    Login(Channel& channel, Wire& wire, const Endpoint& endpoint, const ConnectionOptions& options, TimeLimit limit)
        : channel_(channel),
          wire_(wire),
          endpoint_(endpoint),
          options_(options),
          operation_(fmt::format("cannot connect to {}", endpoint.name())),
          limit_(limit) {}

    std::string run() {
        try {
            wire_.send_protocol_header();
            auto product = start();
            tune();
            open();
            return product;
        } catch (const Error& error) {
            throw explained(error);
        }
    }

private:
    /// The user cares that there is no connection, not that there was one for a moment.
    [[nodiscard]] Error explained(const Error& error) const {
        if (error.kind() == ErrorKind::closed || (error.kind() == ErrorKind::refused && error.reply_code() != 0)) {
            return refusal(error);
        }
        if (error.kind() != ErrorKind::lost) {
            return error;
        }
        if (wire_.was_refused()) {  // TLS 1.3: only now a server says what it thinks of the client's certificate
            return {ErrorKind::refused, operation_, error.cause()};
        }
        if (passed(limit_.end)) {
            return {ErrorKind::unreachable, operation_,
                    fmt::format("it did not answer as an AMQP broker within {} s", in_seconds(limit_.duration))};
        }
        if (wire_.answered()) {
            return {ErrorKind::unreachable, operation_, error.cause() + ", before the AMQP login was done"};
        }
        if (const auto other = other_protocol(wire_.unread(), endpoint_.tls); !other.empty()) {
            return {ErrorKind::unreachable, operation_, other};
        }
        return {
            ErrorKind::unreachable, operation_,
            fmt::format("{}, before the AMQP login was done (is it an AMQP port? RabbitMQ's is 5672, with TLS 5671; "
                        "15672 is its HTTP port)",
                        error.cause())};
    }

    /// Returns the broker's own name and version.
    std::string start() {
        std::string server;
        await<amqp_connection_start_t>([&](const auto& start) { server = answer(start); });
        return server;
    }

    std::string answer(const amqp_connection_start_t& start) {
        const std::string mechanism = endpoint_.auth_mechanism == AuthMechanism::external ? "EXTERNAL" : "PLAIN";
        if (fmt::format(" {} ", view(start.mechanisms)).find(" " + mechanism + " ") == std::string::npos) {
            throw Error(ErrorKind::refused, operation_,
                        fmt::format("it offers no login by {}, only by {}", mechanism, view(start.mechanisms)));
        }
        const auto server = copy_table(start.server_properties);
        // What the broker sends only to clients that say they understand it:
        // https://www.rabbitmq.com/docs/connections#capabilities
        const Table properties{{"product", {options_.product}},
                               {"version", {options_.version}},
                               {"connection_name", {options_.name}},
                               {"capabilities",
                                {Table{{"authentication_failure_close", {true}},
                                       {"basic.nack", {true}},
                                       {"connection.blocked", {true}},
                                       {"consumer_cancel_notify", {true}},
                                       {"publisher_confirms", {true}}}}}};
        const TableView view_of_properties(properties);
        const auto response = endpoint_.auth_mechanism == AuthMechanism::external
                                  ? std::string()
                                  : fmt::format("{0}{1}{0}{2}", '\0', endpoint_.user, endpoint_.password);
        amqp_connection_start_ok_t ok{};
        ok.client_properties = view_of_properties.get();
        ok.mechanism = to_amqp(mechanism);
        ok.response = to_amqp(response);
        ok.locale = to_amqp("en_US");
        channel_.append(ok);
        return fmt::format("{} {}", text_of(server, "product"), text_of(server, "version"));
    }

    static std::string text_of(const Table& table, std::string_view name) {
        for (const auto& field : table) {
            if (const auto* text = std::get_if<std::string>(&field.value.data); text && field.name == name) {
                return *text;
            }
        }
        return "unknown";
    }

    void tune() {
        await<amqp_connection_tune_t>([this](const auto& tune) { agree_to(tune); });
    }

    void agree_to(const amqp_connection_tune_t& tune) {
        // 0 stands for no limit, and for no wish as to heartbeats.
        const auto agree = [](auto ours, auto theirs) { return theirs == 0 ? ours : std::min(ours, theirs); };
        amqp_connection_tune_ok_t ok{};
        ok.channel_max = agree(channel_max, tune.channel_max);
        ok.frame_max = agree(Wire::largest_frame, tune.frame_max);
        ok.heartbeat =
            agree(static_cast<std::uint16_t>(endpoint_.heartbeat.value_or(options_.heartbeat).count()), tune.heartbeat);
        if (ok.frame_max < frame_min) {
            throw Error(
                ErrorKind::unreachable, operation_,
                fmt::format("it wants frames of {} bytes at most, where AMQP guarantees {}", ok.frame_max, frame_min));
        }
        wire_.tune(ok);
        channel_.append(ok);
    }

    void open() {
        amqp_connection_open_t open{};
        open.virtual_host = to_amqp(endpoint_.vhost);
        channel_.append(open);
        channel_.append(amqp_channel_open_t{});
        if (options_.declare) {
            append_declare(channel_, *options_.declare);
            channel_.expect_first_reply<amqp_queue_declare_ok_t>();
        }
        await<amqp_connection_open_ok_t>([](const auto&) {});
    }

    /// The method that must come next.
    template <class Method>
    void await(const std::function<void(const Method&)>& on_method) {
        channel_.await<Method>(operation_, limit_.end, on_method);
    }

    /// What the broker's connection.close means at this point.
    [[nodiscard]] Error refusal(const Error& error) const {
        if (error.reply_code() == AMQP_ACCESS_REFUSED) {
            const auto who = endpoint_.auth_mechanism == AuthMechanism::plain ? fmt::format("as '{}'", endpoint_.user)
                             : endpoint_.tls_options.certificate_file.empty() ? "without a client's certificate"
                                                                              : "with the client's certificate";
            return {ErrorKind::refused, fmt::format("cannot log in to {} {}", endpoint_.name(), who), error.cause(),
                    error.reply_code()};
        }
        return {error.reply_code() == AMQP_NOT_ALLOWED ? ErrorKind::refused : ErrorKind::unreachable,
                fmt::format("cannot open virtual host '{}' on {}", endpoint_.vhost, endpoint_.name()), error.cause(),
                error.reply_code()};
    }

    Channel& channel_;
    Wire& wire_;
    const Endpoint& endpoint_;
    const ConnectionOptions& options_;
    std::string operation_;
    TimeLimit limit_;
};

}  // namespace

std::string log_in(Channel& channel, Wire& wire, const Endpoint& endpoint, const ConnectionOptions& options,
                   TimeLimit limit) {
    return Login(channel, wire, endpoint, options, limit).run();
}

}  // namespace rabbit
