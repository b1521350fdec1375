#include "rabbit/connection.hpp"

#include "message_assembler.hpp"
#include "login.hpp"
#include "rabbit/error.hpp"
#include "retry.hpp"
#include "codec/table_codec.hpp"
#include "net/tcp.hpp"
#include "net/wire.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include <poll.h>

namespace rabbit {
namespace {

constexpr amqp_channel_t channel = 1;

/// Calls a function at the end of its scope.
template <class Function>
class Finally {
public:
    explicit Finally(Function function) : function_(std::move(function)) {}
    ~Finally() { function_(); }
    Finally(const Finally&) = delete;
    Finally& operator=(const Finally&) = delete;

private:
    Function function_;
};

/// Trying again does not mend a missing permission.
ErrorKind kind_of(int reply_code) {
    switch (reply_code) {
        case AMQP_ACCESS_REFUSED: return ErrorKind::refused;
        case AMQP_CONNECTION_FORCED: return ErrorKind::lost;  // the broker shuts down, or an administrator closed it
        default: return ErrorKind::closed;
    }
}

}  // namespace

/// The reply that call() waits for.
struct Connection::Awaited {
    std::uint32_t method;
    const std::function<void(const void*)>& on_reply;
    bool arrived = false;
};

Connection::Connection(std::vector<Endpoint> endpoints, ConnectionOptions options)
    : endpoints_(std::move(endpoints)),
      options_(std::move(options)),
      retry_(std::make_unique<Retry>(options_.retry_for)) {
    if (endpoints_.empty()) {
        throw Error(ErrorKind::invalid, "cannot connect", "there is no endpoint to connect to");
    }
    reopen();
}

Connection::Connection(Endpoint endpoint, ConnectionOptions options)
    : Connection(std::vector<Endpoint>{std::move(endpoint)}, std::move(options)) {}

Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;

void Connection::reopen() {
    channel_open_ = false;
    for (auto pause = retry_->begin(options_.deadline);;) {
        pause_before_retry(pause);
        try {
            open_any();
            retry_->opened();
            return;
        } catch (const Error& error) {
            interrupt_reported_ |= error.kind() == ErrorKind::interrupted;
            const bool may_mend = error.kind() == ErrorKind::unreachable || error.kind() == ErrorKind::lost;
            const auto next = may_mend ? retry_->next_pause() : std::nullopt;
            if (!next) {
                throw;
            }
            pause = *next;
            if (options_.on_retry) {
                options_.on_retry(error, pause);
            }
        }
    }
}

void Connection::with_reconnect(const std::function<void()>& use) {
    for (;;) {
        try {
            use();
            return;
        } catch (const Error& error) {
            if (!may_reopen(error)) {
                throw;
            }
        }
        reopen();
    }
}

bool Connection::may_reopen(const Error& error) const noexcept {
    return error.kind() == ErrorKind::lost && !interrupt_reported_ && retry_->allowed() &&
           !passed(options_.deadline);
}

/// Tries each endpoint once, beginning with the one that worked last; what it throws names them all.
void Connection::open_any() {
    std::vector<Error> failures;
    while (failures.size() < endpoints_.size() && (failures.empty() || !passed(options_.deadline))) {
        try {
            open(current_);
            if (options_.on_passed_over) {
                std::for_each(failures.begin(), failures.end(), options_.on_passed_over);
            }
            return;
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::unreachable && error.kind() != ErrorKind::lost) {
                throw;
            }
            failures.push_back(error);
            current_ = (current_ + 1) % endpoints_.size();
        }
    }
    auto cause = failures.front().cause();
    for (std::size_t i = 1; i < failures.size(); ++i) {
        cause += fmt::format("; {}", failures[i].what());
    }
    throw Error(ErrorKind::unreachable, failures.front().operation(), cause, failures.back().reply_code());
}

void Connection::open(std::size_t endpoint) {
    auto options = options_;
    options.interrupt = armed_interrupt();
    auto wire = std::make_unique<Wire>(endpoints_[endpoint], options);
    server_ = log_in(*wire, endpoints_[endpoint], options);
    wire_ = std::move(wire);
    assembler_ = std::make_unique<MessageAssembler>();
    late_reply_.reset();
    set_blocked({});
    await_channel();
}

void Connection::pause_before_retry(std::chrono::milliseconds pause) {
    pollfd interrupt{armed_interrupt(), POLLIN, 0};
    const auto until = Clock::now() + pause;
    while (Clock::now() < until) {
        poll(&interrupt, 1, poll_timeout(until));
        report_interrupt(interrupt.revents != 0);
    }
}

/// log_in() has asked for it.
void Connection::await_channel() {
    await_reply(fmt::format("cannot open a channel on {}", endpoint().name()), AMQP_CHANNEL_OPEN_OK_METHOD);
    channel_open_ = true;
}

Deadline Connection::reply_deadline() const {
    return earlier(Clock::now() + options_.reply_timeout, options_.deadline);
}

/// Nothing is answered on a channel that the broker has closed.
void Connection::check_channel() const {
    if (!channel_open_) {
        throw Error(ErrorKind::closed, fmt::format("cannot go on with {}", endpoint().name()), "the channel is closed");
    }
}

void Connection::reopen_channel() {
    *assembler_ = MessageAssembler();
    amqp_channel_open_t open{};
    send_method(channel, AMQP_CHANNEL_OPEN_METHOD, &open);
    await_channel();
}

Queue Connection::declare(const QueueOptions& options) {
    check_short_string("queue name", options.name);
    const TableView arguments(options.arguments);
    amqp_queue_declare_t declare{};
    declare.queue = to_amqp(options.name);
    declare.passive = options.passive;
    declare.durable = options.durable;
    declare.exclusive = options.exclusive;
    declare.auto_delete = options.auto_delete;
    declare.arguments = arguments.get();
    Queue queue;
    call(fmt::format("cannot declare queue '{}'", options.name), AMQP_QUEUE_DECLARE_METHOD, &declare,
         AMQP_QUEUE_DECLARE_OK_METHOD, [&queue](const void* reply) {
             const auto& ok = *static_cast<const amqp_queue_declare_ok_t*>(reply);
             queue = {copy(ok.queue), ok.message_count, ok.consumer_count};
         });
    return queue;
}

void Connection::bind(const std::string& queue, const Address& source, const Table& arguments) {
    check_short_string("exchange name", source.exchange);
    check_short_string("routing key", source.routing_key);
    const TableView view_of_arguments(arguments);
    amqp_queue_bind_t bind{};
    bind.queue = to_amqp(queue);
    bind.exchange = to_amqp(source.exchange);
    bind.routing_key = to_amqp(source.routing_key);
    bind.arguments = view_of_arguments.get();
    call(fmt::format("cannot bind queue '{}' to exchange '{}'", queue, source.exchange), AMQP_QUEUE_BIND_METHOD,
         &bind, AMQP_QUEUE_BIND_OK_METHOD);
}

void Connection::close() {
    amqp_connection_close_t close{};
    close.reply_code = AMQP_REPLY_SUCCESS;
    channel_open_ = false;
    call(fmt::format("cannot close the connection to {}", endpoint().name()), AMQP_CONNECTION_CLOSE_METHOD, &close,
         AMQP_CONNECTION_CLOSE_OK_METHOD);
}

void Connection::call(const std::string& operation, std::uint32_t method, const void* arguments, std::uint32_t reply,
                      const std::function<void(const void*)>& on_reply) {
    const bool on_connection = method == AMQP_CONNECTION_CLOSE_METHOD;
    if (!on_connection) {
        check_channel();
    }
    send_method(on_connection ? 0 : channel, method, arguments);
    await_reply(operation, reply, on_reply);
}

void Connection::await_reply(const std::string& operation, std::uint32_t reply,
                             const std::function<void(const void*)>& on_reply) {
    const auto begun = Clock::now();
    const auto deadline = reply_deadline();
    Awaited awaited{reply, on_reply};
    awaited_ = &awaited;
    // A consumer whose consume-ok is not waited for would lose what the broker has sent behind it.
    const bool keeps_interrupt = std::exchange(interrupt_held_, reply == AMQP_BASIC_CONSUME_OK_METHOD);
    const Finally end_of_wait([&] {
        awaited_ = nullptr;
        interrupt_held_ = keeps_interrupt;
    });
    try {
        while (!awaited.arrived) {
            // Something may come all the time, and not the answer.
            const bool over = wait(deadline) == WaitResult::deadline || passed(deadline);
            if (over && !awaited.arrived) {
                throw wire_->lost(fmt::format("no answer within {:.3g} s",
                                              std::chrono::duration<double>(*deadline - begun).count()));
            }
        }
    } catch (const Error& error) {
        late_reply_ = reply;
        if (error.kind() == ErrorKind::closed || error.kind() == ErrorKind::refused) {
            throw Error(error.kind(), operation, error.cause(), error.reply_code());
        }
        throw;
    }
}

void Connection::send_method(std::uint16_t on_channel, std::uint32_t method, const void* arguments) {
    amqp_frame_t frame{};
    frame.frame_type = AMQP_FRAME_METHOD;
    frame.channel = on_channel;
    frame.payload.method.id = method;
    frame.payload.method.decoded = const_cast<void*>(arguments);
    wire_->send(frame);
}

void Connection::encode(const amqp_basic_publish_t& method, const amqp_basic_properties_t& properties,
                        std::string_view body) {
    const auto begun = wire_->unsent();
    send_method(channel, AMQP_BASIC_PUBLISH_METHOD, &method);
    amqp_frame_t frame{};
    frame.channel = channel;
    frame.frame_type = AMQP_FRAME_HEADER;
    frame.payload.properties.class_id = AMQP_BASIC_CLASS;
    frame.payload.properties.body_size = body.size();
    frame.payload.properties.decoded = const_cast<amqp_basic_properties_t*>(&properties);
    try {
        wire_->send(frame);
    } catch (const Error&) {
        wire_->forget_unsent(begun);  // the broker would wait for the rest of the message
        throw;
    }
    frame.frame_type = AMQP_FRAME_BODY;
    for (std::size_t at = 0; at < body.size(); at += wire_->max_body_frame()) {
        frame.payload.body_fragment = to_amqp(body.substr(at, wire_->max_body_frame()));
        wire_->send(frame);
    }
}

bool Connection::flush_batch(Deadline deadline) {
    if (wire_->unsent() < Wire::batch) {
        return false;
    }
    flush(deadline);
    return true;
}

bool Connection::flush(Deadline deadline) {
    bool handled = false;
    while (wire_->unsent() > 0) {
        const auto ready = wire_->poll(true, deadline, {}, armed_interrupt());
        report_interrupt(ready.interrupted);
        if (ready.readable) {
            handled |= read_frame();
            while (handle_buffered()) {
                handled = true;
            }
        }
        if (ready.writable) {
            wire_->write();
        } else if (passed(deadline)) {
            break;
        }
    }
    return handled;
}

void Connection::send_now() {
    if (wire_->unsent() > 0 && wire_->poll(true, Clock::now(), {}, -1).writable) {
        wire_->write();
    }
}

WaitResult Connection::wait(Deadline deadline, std::span<pollfd> watched) {
    if (flush(deadline)) {
        return WaitResult::frame;
    }
    for (;;) {
        if (handle_buffered()) {
            return WaitResult::frame;
        }
        const auto ready = wire_->poll(false, deadline, watched, armed_interrupt());
        report_interrupt(ready.interrupted);
        if (ready.readable && read_frame()) {
            return WaitResult::frame;
        }
        if (ready.watched) {
            return WaitResult::watched;
        }
        if (passed(deadline)) {
            return WaitResult::deadline;
        }
    }
}

WaitResult Connection::wait_without_reading(Deadline deadline, std::span<pollfd> watched) {
    for (;;) {
        const auto ready = wire_->poll_unread(deadline, watched, armed_interrupt());
        report_interrupt(ready.interrupted);
        if (ready.watched) {
            return WaitResult::watched;
        }
        if (passed(deadline)) {
            return WaitResult::deadline;
        }
    }
}

bool Connection::handle_buffered() {
    return wire_->buffered() && read_frame();
}

void Connection::report_interrupt(bool interrupted) {
    if (interrupted) {
        interrupt_reported_ = true;
        throw Error(ErrorKind::interrupted, fmt::format("gave up waiting for {}", endpoint().name()), "interrupted");
    }
}

bool Connection::read_frame() {
    const auto frame = wire_->read();
    if (frame) {
        handle(*frame);
    }
    return frame.has_value();
}

void Connection::handle(const amqp_frame_t& frame) {
    const bool for_connection =
        frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id >> 16 == AMQP_CONNECTION_CLASS;
    if (frame.channel != (for_connection ? 0 : channel)) {
        throw wire_->lost(fmt::format("it sent a frame on channel {} that does not belong there", frame.channel));
    }
    if (frame.frame_type == AMQP_FRAME_METHOD) {
        handle_method(frame);
    } else if (const auto broken = assembler_->add(frame, listener_); !broken.empty()) {
        throw wire_->lost(fmt::format("it sent {}", broken));
    }
}

void Connection::handle_method(const amqp_frame_t& frame) {
    const auto& method = frame.payload.method;
    if (frame.channel == channel && assembler_->begun() && method.id != AMQP_CHANNEL_CLOSE_METHOD) {
        throw wire_->lost("it sent a method in the middle of a message");
    }
    switch (method.id) {
        case AMQP_BASIC_DELIVER_METHOD:
            assembler_->begin(*static_cast<const amqp_basic_deliver_t*>(method.decoded));
            break;
        case AMQP_BASIC_RETURN_METHOD:
            assembler_->begin(*static_cast<const amqp_basic_return_t*>(method.decoded));
            break;
        case AMQP_BASIC_ACK_METHOD: {
            const auto& ack = *static_cast<const amqp_basic_ack_t*>(method.decoded);
            if (listener_) {
                listener_->on_confirm({ack.delivery_tag, ack.multiple != 0, true});
            }
            break;
        }
        case AMQP_BASIC_NACK_METHOD: {
            const auto& nack = *static_cast<const amqp_basic_nack_t*>(method.decoded);
            if (listener_) {
                listener_->on_confirm({nack.delivery_tag, nack.multiple != 0, false});
            }
            break;
        }
        case AMQP_BASIC_CANCEL_METHOD:
        case AMQP_BASIC_CANCEL_OK_METHOD:
            if (listener_) {
                listener_->on_cancel(method.id == AMQP_BASIC_CANCEL_METHOD);
            }
            break;
        case AMQP_CHANNEL_FLOW_METHOD: {
            const auto& flow = *static_cast<const amqp_channel_flow_t*>(method.decoded);
            amqp_channel_flow_ok_t ok{flow.active};
            send_method(channel, AMQP_CHANNEL_FLOW_OK_METHOD, &ok);
            set_blocked(flow.active ? std::nullopt : std::optional<std::string>("channel.flow"));
            break;
        }
        case AMQP_CONNECTION_BLOCKED_METHOD:
            set_blocked(copy(static_cast<const amqp_connection_blocked_t*>(method.decoded)->reason));
            break;
        case AMQP_CONNECTION_UNBLOCKED_METHOD:
            set_blocked({});
            break;
        case AMQP_CHANNEL_CLOSE_METHOD: {
            const auto& close = *static_cast<const amqp_channel_close_t*>(method.decoded);
            handle_channel_close(close.reply_code, view(close.reply_text));
        }
        case AMQP_CONNECTION_CLOSE_METHOD: {
            const auto& close = *static_cast<const amqp_connection_close_t*>(method.decoded);
            handle_connection_close(close.reply_code, view(close.reply_text));
        }
        default:
            handle_reply(method.id, method.decoded);
    }
}

void Connection::handle_reply(std::uint32_t method, const void* arguments) {
    if (awaited_ && awaited_->method == method && !awaited_->arrived) {
        awaited_->arrived = true;
        if (awaited_->on_reply) {
            awaited_->on_reply(arguments);
        }
    } else if (late_reply_ == method) {
        late_reply_.reset();
    } else {
        const char* name = amqp_method_name(method);
        throw wire_->lost(fmt::format("it sent {}, which nothing asked for", name ? name : "an unknown method"));
    }
}

void Connection::handle_channel_close(int code, std::string_view text) {
    channel_open_ = false;
    const Error error(kind_of(code), fmt::format("{} closed the channel", endpoint().name()),
                      fmt::format("{} {}", code, text), code);
    amqp_channel_close_ok_t ok{};
    send_method(channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
    throw error;
}

void Connection::handle_connection_close(int code, std::string_view text) {
    channel_open_ = false;
    const Error error(kind_of(code), fmt::format("{} closed the connection", endpoint().name()),
                      fmt::format("{} {}", code, text), code);
    amqp_connection_close_ok_t ok{};
    send_method(0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
    send_now();
    throw error;
}

void Connection::set_blocked(std::optional<std::string> reason) {
    if (reason == blocked_) {
        return;
    }
    blocked_ = std::move(reason);
    if (!blocked_ && listener_) {
        listener_->on_unblocked();
    }
    if (options_.on_blocked) {
        options_.on_blocked(blocked_);
    }
}

}  // namespace rabbit
