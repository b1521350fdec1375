#include "channel.hpp"

#include "finally.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include <poll.h>

namespace rabbit {
namespace {

/// What a caller would do about a channel or connection that the broker closed: trying again does not mend a missing
/// permission.
ErrorKind kind_of(int reply_code) {
    switch (reply_code) {
        case AMQP_ACCESS_REFUSED: return ErrorKind::refused;
        case AMQP_CONNECTION_FORCED: return ErrorKind::lost;  // the broker shuts down, or an administrator closed it
        default: return ErrorKind::closed;
    }
}

}  // namespace

/// The method that await_method() waits for.
struct Channel::Awaited {
    amqp_method_number_t method;
    const OnMethod& on_method;
    bool arrived = false;
};

void Channel::attach(std::string broker, std::unique_ptr<Wire> wire) {
    broker_ = std::move(broker);
    wire_ = std::move(wire);
    encoder_.reset();
    forget();
    set_blocked({});
}

void Channel::forget() {
    assembler_ = MessageAssembler();
    late_replies_.clear();
    first_reply_ = 0;
    opening_ = true;
    open_ = false;
}

void Channel::open() {
    forget();
    append(amqp_channel_open_t{});
    await_open();
}

void Channel::await_open() {
    if (opening_) {
        await<amqp_channel_open_ok_t>(fmt::format("cannot open a channel on {}", broker_), reply_deadline());
    }
    opening_ = false;
    open_ = true;
}

void Channel::check_open() const {
    if (!open_) {
        throw Error(ErrorKind::closed, fmt::format("cannot go on with {}", broker_), "the channel is closed");
    }
}

void Channel::append_nack_all() {
    amqp_basic_nack_t nack{};
    nack.delivery_tag = 0;  // all so far (AMQP 0-9-1, section 1.8.3.13 of the generated reference)
    nack.multiple = true;
    nack.requeue = true;
    append(nack);
}

void Channel::close_connection() {
    amqp_connection_close_t close{};
    close.reply_code = AMQP_REPLY_SUCCESS;
    open_ = false;
    append(close);
    await<amqp_connection_close_ok_t>(fmt::format("cannot close the connection to {}", broker_), reply_deadline());
}

const PublishHead& Channel::encode(const Address& address, const std::shared_ptr<const Properties>& properties,
                                   bool mandatory) {
    if (!encoder_) {
        encoder_.emplace(wire_->frame_max());
    }
    return encoder_->encode(address, properties, mandatory);
}

Deadline Channel::reply_deadline() const {
    return earlier(Clock::now() + options_.reply_timeout, options_.deadline);
}

void Channel::await_method(std::string_view operation, Deadline deadline, amqp_method_number_t method,
                           const OnMethod& on_method, const std::function<bool()>& give_up) {
    const auto begun = Clock::now();
    Awaited awaited{method, on_method};
    awaited_ = &awaited;
    const Finally end_of_wait([this] { awaited_ = nullptr; });
    try {
        while (!awaited.arrived) {
            if (give_up && give_up()) {
                late_replies_.push_back(method);
                return;
            }
            // Other frames may keep arriving, so the deadline is checked each time round.
            const bool over = wait(deadline) == WaitResult::deadline || passed(deadline);
            if (over && !awaited.arrived) {
                const auto cause = fmt::format("no answer within {:.3g} s", in_seconds(*deadline - begun));
                // That the caller's time is up says nothing about the connection: it can still be closed properly.
                throw passed(options_.deadline) ? Error(ErrorKind::lost, operation, cause) : lost(cause);
            }
        }
    } catch (const Error& error) {
        late_replies_.push_back(method);
        if (error.kind() == ErrorKind::closed || error.kind() == ErrorKind::refused) {
            throw Error(error.kind(), operation, error.cause(), error.reply_code());
        }
        throw;
    }
}

void Channel::flush_now() {
    Interrupt none;
    if (wire_->unsent() > 0 && wire_->poll(true, Clock::now(), {}, none).writable) {
        wire_->write();
    }
}

bool Channel::flush(Deadline deadline, std::size_t least) {
    bool handled = false;
    while (wire_->unsent() > 0) {
        const auto ready = wire_->poll(true, deadline, {}, interrupt_, least);
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

/// Waits by `poll`, and looks after the companion meanwhile, which counts as a watched descriptor.
template <class Poll>
Wire::Ready Channel::poll_with_companion(Deadline deadline, std::span<pollfd> watched, const Poll& poll) {
    if (!companion_) {
        return poll(deadline, watched);
    }
    std::vector<pollfd> all(watched.begin(), watched.end());
    all.push_back({companion_->descriptor(), POLLIN, 0});
    auto ready = poll(earlier(deadline, companion_->due()), std::span(all));
    std::copy_n(all.begin(), watched.size(), watched.begin());
    if (all.back().revents != 0 || passed(companion_->due())) {
        companion_->tend();
        ready.watched = true;
    }
    return ready;
}

WaitResult Channel::wait(Deadline deadline, std::span<pollfd> watched, std::size_t least) {
    if (flush(deadline, least)) {
        return WaitResult::frame;
    }
    for (;;) {
        if (handle_buffered()) {
            return WaitResult::frame;
        }
        const auto ready =
            poll_with_companion(deadline, watched, [this, least](Deadline until, std::span<pollfd> descriptors) {
                return wire_->poll(false, until, descriptors, interrupt_, least);
            });
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

WaitResult Channel::wait_without_reading(Deadline deadline, std::span<pollfd> watched) {
    for (;;) {
        const auto ready =
            poll_with_companion(deadline, watched, [this](Deadline until, std::span<pollfd> descriptors) {
                return wire_->poll_unread(until, descriptors, interrupt_);
            });
        if (ready.watched) {
            return WaitResult::watched;
        }
        if (passed(deadline)) {
            return WaitResult::deadline;
        }
    }
}

bool Channel::handle_buffered() {
    return wire_->buffered() && read_frame();
}

bool Channel::read_frame() {
    const auto frame = wire_->read();
    if (frame) {
        handle(*frame);
    }
    return frame.has_value();
}

void Channel::handle(const amqp_frame_t& frame) {
    const bool is_method = frame.frame_type == AMQP_FRAME_METHOD;
    const bool for_connection = is_method && is_for_connection(frame.payload.method.id);
    if (frame.channel != (for_connection ? 0 : channel_number)) {
        throw lost(fmt::format("it sent a frame on channel {} that does not belong there", frame.channel));
    }
    is_method ? handle_method(frame) : handle_content(frame);
}

void Channel::handle_content(const amqp_frame_t& frame) {
    auto assembled = assembler_.add(frame);
    if (const auto* broken = std::get_if<BrokenRule>(&assembled)) {
        throw lost(fmt::format("it sent {}", broken->text));
    }
    if (auto* delivery = std::get_if<Delivery>(&assembled)) {
        consumer_->on_delivery(std::move(*delivery));
    } else if (auto* returned = std::get_if<Return>(&assembled)) {
        publisher_->on_return(std::move(*returned));
    }
}

void Channel::handle_method(const amqp_frame_t& frame) {
    const auto id = frame.payload.method.id;
    if (frame.channel == channel_number && assembler_.begun() && id != AMQP_CHANNEL_CLOSE_METHOD) {
        throw lost("it sent a method in the middle of a message");
    }
    const auto confirm = [this](const auto& method, bool ack) {
        publisher_->on_confirm({method.delivery_tag, method.multiple != 0, ack});
    };
    switch (id) {
        case AMQP_BASIC_DELIVER_METHOD: return assembler_.begin(arguments_of<amqp_basic_deliver_t>(frame));
        case AMQP_BASIC_GET_OK_METHOD: return assembler_.begin(arguments_of<amqp_basic_get_ok_t>(frame));
        case AMQP_BASIC_GET_EMPTY_METHOD: return consumer_->on_get_empty();
        case AMQP_BASIC_RETURN_METHOD: return assembler_.begin(arguments_of<amqp_basic_return_t>(frame));
        case AMQP_BASIC_ACK_METHOD: return confirm(arguments_of<amqp_basic_ack_t>(frame), true);
        case AMQP_BASIC_NACK_METHOD: return confirm(arguments_of<amqp_basic_nack_t>(frame), false);
        case AMQP_BASIC_CANCEL_METHOD: return consumer_->on_cancel(true);
        case AMQP_BASIC_CANCEL_OK_METHOD: return consumer_->on_cancel(false);
        case AMQP_CHANNEL_FLOW_METHOD: return handle_flow(arguments_of<amqp_channel_flow_t>(frame));
        case AMQP_CONNECTION_BLOCKED_METHOD:
            return set_blocked(copy(arguments_of<amqp_connection_blocked_t>(frame).reason));
        case AMQP_CONNECTION_UNBLOCKED_METHOD: return set_blocked({});
        case AMQP_CHANNEL_CLOSE_METHOD: handle_channel_close(arguments_of<amqp_channel_close_t>(frame));
        case AMQP_CONNECTION_CLOSE_METHOD: handle_connection_close(arguments_of<amqp_connection_close_t>(frame));
        default: return handle_reply(frame);
    }
}

void Channel::handle_flow(const amqp_channel_flow_t& flow) {
    append(amqp_channel_flow_ok_t{flow.active});
    set_blocked(flow.active ? std::nullopt : std::optional<std::string>("channel.flow"));
}

void Channel::handle_reply(const amqp_frame_t& frame) {
    const auto id = frame.payload.method.id;
    if (first_reply_ == id) {
        first_reply_ = 0;
    } else if (!late_replies_.empty() && late_replies_.front() == id) {
        late_replies_.pop_front();
    } else if (awaited_ && awaited_->method == id && !awaited_->arrived) {
        awaited_->arrived = true;
        awaited_->on_method(frame);
    } else if (id == AMQP_CHANNEL_OPEN_OK_METHOD && opening_) {  // before await_open(), while something else was sent
        opening_ = false;
    } else {
        const char* name = amqp_method_name(id);
        throw lost(fmt::format("it sent {}, which nothing asked for", name ? name : "an unknown method"));
    }
}

void Channel::handle_channel_close(const amqp_channel_close_t& close) {
    open_ = false;
    const Error error(kind_of(close.reply_code), fmt::format("{} closed the channel", broker_),
                      fmt::format("{} {}", close.reply_code, view(close.reply_text)), close.reply_code);
    append(amqp_channel_close_ok_t{});
    throw Error(error);
}

void Channel::handle_connection_close(const amqp_connection_close_t& close) {
    open_ = false;
    const Error error(kind_of(close.reply_code), fmt::format("{} closed the connection", broker_),
                      fmt::format("{} {}", close.reply_code, view(close.reply_text)), close.reply_code);
    append(amqp_connection_close_ok_t{});
    flush_now();
    throw Error(error);
}

void Channel::set_blocked(std::optional<std::string> reason) {
    if (reason == blocked_) {
        return;
    }
    blocked_ = std::move(reason);
    if (!blocked_) {
        publisher_->on_unblocked();
    }
    if (options_.on_blocked) {
        options_.on_blocked(blocked_);
    }
}

}  // namespace rabbit
