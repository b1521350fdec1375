#include "login.hpp"

#include "rabbit/error.hpp"
#include "codec/table_codec.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace rabbit {
namespace {

constexpr std::uint16_t channel = 1;
constexpr std::uint16_t channel_max = channel;
constexpr std::uint32_t frame_min = 4096;  // AMQP 0-9-1, section 1.4.2.6 of the generated reference

class Login {
public:
    Login(Wire& wire, const Endpoint& endpoint, const ConnectionOptions& options)
        : wire_(wire),
          endpoint_(endpoint),
          options_(options),
          operation_(fmt::format("cannot connect to {}", endpoint.name())),
          timeout_(endpoint.connect_timeout.value_or(options.connect_timeout)),
          deadline_(Clock::now() + timeout_) {}

    std::string run() {
        try {
            wire_.send_protocol_header();
            auto product = start();
            tune();
            open();
            return product;
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::lost) {
                throw;
            }
            if (wire_.was_refused()) {  // TLS 1.3: what a server thinks of the client's certificate it says only now
                throw Error(ErrorKind::refused, operation_, error.cause());
            }
            throw Error(ErrorKind::unreachable, operation_,
                        error.cause() + ", before the AMQP login was done");
        }
    }

private:
    /// Returns the broker's own name and version.
    std::string start() {
        const auto& start = await<amqp_connection_start_t>(AMQP_CONNECTION_START_METHOD);
        const std::string mechanism = endpoint_.auth_mechanism == AuthMechanism::external ? "EXTERNAL" : "PLAIN";
        if (fmt::format(" {} ", view(start.mechanisms)).find(" " + mechanism + " ") == std::string::npos) {
            throw Error(ErrorKind::refused, operation_,
                        fmt::format("it offers no login by {}, only by {}", mechanism, view(start.mechanisms)));
        }
        const auto server = copy_table(start.server_properties);
        // What the broker sends only to clients that say they understand it:
        // https://www.rabbitmq.com/docs/connections#capabilities
        const Table properties{
            {"product", {options_.product}},
            {"version", {options_.version}},
            {"connection_name", {options_.name}},
            {"capabilities", {Table{{"authentication_failure_close", {true}},
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
        send(AMQP_CONNECTION_START_OK_METHOD, &ok);
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
        const auto& tune = await<amqp_connection_tune_t>(AMQP_CONNECTION_TUNE_METHOD);
        // 0 stands for no limit, and for no wish as to heartbeats.
        const auto agree = [](auto ours, auto theirs) { return theirs == 0 ? ours : std::min(ours, theirs); };
        amqp_connection_tune_ok_t ok{};
        ok.channel_max = agree(channel_max, tune.channel_max);
        ok.frame_max = agree(Wire::largest_frame, tune.frame_max);
        ok.heartbeat = agree(static_cast<std::uint16_t>(endpoint_.heartbeat.value_or(options_.heartbeat).count()), tune.heartbeat);
        if (ok.frame_max < frame_min) {
            throw Error(ErrorKind::unreachable, operation_,
                        fmt::format("it wants frames of {} bytes at most, where AMQP guarantees {}", ok.frame_max,
                                    frame_min));
        }
        wire_.tune(ok);
        send(AMQP_CONNECTION_TUNE_OK_METHOD, &ok);
    }

    void open() {
        amqp_connection_open_t open{};
        open.virtual_host = to_amqp(endpoint_.vhost);
        send(AMQP_CONNECTION_OPEN_METHOD, &open);
        amqp_channel_open_t open_channel{};
        send(AMQP_CHANNEL_OPEN_METHOD, &open_channel, channel);
        await<amqp_connection_open_ok_t>(AMQP_CONNECTION_OPEN_OK_METHOD);
    }

    void send(std::uint32_t method, void* arguments, std::uint16_t on_channel = 0) {
        amqp_frame_t frame{};
        frame.frame_type = AMQP_FRAME_METHOD;
        frame.channel = on_channel;
        frame.payload.method.id = method;
        frame.payload.method.decoded = arguments;
        wire_.send(frame);
    }

    /// The method that must come next; lives until the next call.
    template <class Method>
    const Method& await(std::uint32_t method) {
        for (;;) {
            const bool writing = wire_.unsent() > 0;
            const auto ready = wire_.buffered() ? Wire::Ready{.readable = true}
                                                : wire_.poll(writing, deadline_, {}, options_.interrupt);
            if (ready.interrupted) {
                throw Error(ErrorKind::interrupted, operation_, "interrupted");
            }
            if (ready.writable) {
                wire_.write();
            }
            if (const auto frame = ready.readable ? wire_.read() : std::nullopt) {
                return *static_cast<const Method*>(arguments_of(*frame, method));
            }
            if (Clock::now() >= deadline_) {
                throw Error(ErrorKind::unreachable, operation_,
                            fmt::format("it did not answer as an AMQP broker within {} s",
                                        std::chrono::duration<double>(timeout_).count()));
            }
        }
    }

    const void* arguments_of(const amqp_frame_t& frame, std::uint32_t expected) {
        const bool is_method = frame.frame_type == AMQP_FRAME_METHOD && frame.channel == 0;
        if (is_method && frame.payload.method.id == AMQP_CONNECTION_CLOSE_METHOD) {
            refuse(*static_cast<const amqp_connection_close_t*>(frame.payload.method.decoded));
        }
        if (!is_method || frame.payload.method.id != expected) {
            throw Error(ErrorKind::unreachable, operation_, "it does not speak AMQP 0-9-1");
        }
        return frame.payload.method.decoded;
    }

    [[noreturn]] void refuse(const amqp_connection_close_t& close) const {
        const auto cause = fmt::format("{} {}", close.reply_code, view(close.reply_text));
        if (close.reply_code == AMQP_ACCESS_REFUSED) {
            const auto who = endpoint_.auth_mechanism == AuthMechanism::plain ? fmt::format("as '{}'", endpoint_.user)
                             : endpoint_.tls_options.certificate_file.empty() ? "without a client's certificate"
                                                                             : "with the client's certificate";
            throw Error(ErrorKind::refused, fmt::format("cannot log in to {} {}", endpoint_.name(), who), cause,
                        close.reply_code);
        }
        throw Error(close.reply_code == AMQP_NOT_ALLOWED ? ErrorKind::refused : ErrorKind::unreachable,
                    fmt::format("cannot open virtual host '{}' on {}", endpoint_.vhost, endpoint_.name()), cause,
                    close.reply_code);
    }

    Wire& wire_;
    const Endpoint& endpoint_;
    const ConnectionOptions& options_;
    std::string operation_;
    std::chrono::milliseconds timeout_;
    Clock::time_point deadline_;
};

}  // namespace

std::string log_in(Wire& wire, const Endpoint& endpoint, const ConnectionOptions& options) {
    return Login(wire, endpoint, options).run();
}

}  // namespace rabbit
