#include "net/wire.hpp"

#include "codec/methods.hpp"

#include "net/poll.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace rabbit {
namespace {

constexpr std::size_t in_size = std::size_t{2} * Wire::largest_frame;
constexpr std::size_t most_pieces = 64;                        ///< of a write
constexpr std::size_t most_written = std::size_t{256} * 1024;  ///< at once, before what has come is read

}  // namespace

Wire::Wire(std::string broker, std::unique_ptr<Stream> stream)
    : broker_(std::move(broker)),
      waiting_(fmt::format("gave up waiting for {}", broker_)),
      stream_(std::move(stream)),
      in_(std::make_unique_for_overwrite<char[]>(in_size)) {}

void Wire::send_protocol_header() {
    char header[] = {'A', 'M', 'Q', 'P', 0, 0, 9, 1};
    const iovec piece{header, sizeof header};
    if (write_some({&piece, 1}) != sizeof header) {  // it has the whole send buffer
        throw lost("it takes no data");
    }
}

void Wire::tune(const amqp_connection_tune_ok_t& agreed) {
    frame_max_ = agreed.frame_max;
    heartbeat_ = std::chrono::seconds(agreed.heartbeat);
    heartbeat_due_ = Clock::now() + heartbeat_ / 2;
    missed_at_ = Clock::now() + 2 * heartbeat_;
}

void Wire::append(std::initializer_list<amqp_frame_t> frames) {
    auto& end = out_.end();
    const auto begun = end.size();
    try {
        for (const auto& frame : frames) {
            append_frame(end, frame, frame_max_);
        }
    } catch (const Error&) {
        end.resize(begun);
        throw;
    }
}

void Wire::append(const PublishHead& head, const Body& body) {
    check_frame_size(std::max(head.method->frame.size(), head.header.size()), frame_max_);
    head.append_to(out_.end(), body.size());
    const auto most = frame_max_ - frame_overhead;
    for (std::size_t at = 0; at < body.size(); at += most) {
        const auto payload = body.bytes().substr(at, most);
        append_frame_header(out_.end(), AMQP_FRAME_BODY, channel_number, payload.size());
        if (payload.size() < least_shared) {
            out_.end().append(payload);
        } else {
            out_.append(body.part(at, most));
        }
        append_frame_end(out_.end());
    }
}

void Wire::write() {
    iovec pieces[most_pieces];
    const auto sent = write_some(out_.gather(pieces, most_written));
    out_.consume(sent);
    written_ += sent;
    if (sent > 0) {  // any octet sent is as good as a heartbeat (AMQP 0-9-1, section 4.2.7)
        heartbeat_due_ = Clock::now() + heartbeat_ / 2;
    }
}

/// The bytes that the socket took; 0: it is full.
std::size_t Wire::write_some(std::span<const iovec> pieces) {
    const auto sent = stream_->write(pieces);
    return sent ? *sent : throw lost(stream_->end().cause);
}

/// A frame that breaks a rule is there as soon as its header is.
bool Wire::buffered() const noexcept {
    if (in_body_) {
        return body_at_hand() > 0;
    }
    const auto available = end_ - begin_;
    if (available < frame_header) {
        return false;
    }
    const char* frame = in_.get() + begin_;
    const auto size = frame_size(frame);
    return available >= size || size > frame_max_ || !has_frame_type(frame) ||
           (*frame == AMQP_FRAME_BODY && available > frame_header);
}

std::optional<amqp_frame_t> Wire::read() {
    if (!buffered()) {
        receive();
    }
    while (buffered()) {
        if (const auto frame = in_body_ ? take_body() : take_frame(); frame.frame_type != AMQP_FRAME_HEARTBEAT) {
            return frame;
        }
    }
    return std::nullopt;
}

/// Reads what is at hand, after the beginning of a frame that is there already.
void Wire::receive() {
    if (in_size - end_ < largest_frame || begin_ == end_) {
        std::memmove(in_.get(), in_.get() + begin_, end_ - begin_);
        end_ -= std::exchange(begin_, 0);
    }
    const auto received = stream_->read({in_.get() + end_, in_size - end_});
    if (!received) {
        throw lost(stream_->end().cause);
    }
    end_ += *received;
    if (*received > 0) {
        missed_at_ = Clock::now() + 2 * heartbeat_;
    } else if (heartbeat_.count() > 0 && Clock::now() >= missed_at_) {
        throw lost(fmt::format("no heartbeat for {} seconds", 2 * heartbeat_.count() / 1000));
    }
}

amqp_frame_t Wire::take_frame() {
    char* at = in_.get() + begin_;
    if (!has_frame_type(at)) {
        throw lost("it sent something that is not an AMQP 0-9-1 frame");
    }
    const auto size = frame_size(at);
    if (size > frame_max_) {
        throw lost(fmt::format("it sent a frame of {} bytes, where {} is the most", size, frame_max_));
    }
    answered_ = true;
    if (*at == AMQP_FRAME_BODY) {
        in_body_ = true;
        body_left_ = size - frame_overhead;
        body_channel_ = frame_channel(at);
        begin_ += frame_header;
        return take_body();
    }
    const auto frame = decoder_.decode(at);
    if (!frame) {
        throw lost(decoder_.error());
    }
    begin_ += size;
    return *frame;
}

/// The bytes of the body frame that can be taken: the last one comes with the end octet.
std::size_t Wire::body_at_hand() const noexcept {
    const auto available = end_ - begin_;
    return available > body_left_ ? body_left_ + 1 : std::min(available, body_left_ - 1);
}

amqp_frame_t Wire::take_body() {
    const auto taken = body_at_hand();
    const bool whole = taken > body_left_;
    const char* at = in_.get() + begin_;
    if (whole && !is_frame_end(at[body_left_])) {
        throw lost("it sent a malformed frame");
    }
    amqp_frame_t frame{};
    frame.frame_type = AMQP_FRAME_BODY;
    frame.channel = body_channel_;
    frame.payload.body_fragment = to_amqp({at, whole ? body_left_ : taken});
    begin_ += taken;
    body_left_ -= frame.payload.body_fragment.len;
    in_body_ = !whole;
    return frame;
}

Wire::Ready Wire::poll(bool for_writing, Deadline deadline, std::span<pollfd> watched, Interrupt& interrupt,
                       std::size_t least) {
    Ready ready;
    if (least > 1 && for_writing) {  // as a rule there is room, and no mark is needed
        ready = poll_broker(for_writing, Clock::now(), watched, interrupt);
    }
    if (least > 1 && !ready.any()) {
        constexpr std::chrono::milliseconds moment{10};
        const LowWaterMark mark(stream_->fd(), least);
        ready = poll_broker(for_writing, earlier(deadline, Clock::now() + moment), watched, interrupt);
    }
    return ready.any() ? ready : poll_broker(for_writing, deadline, watched, interrupt);
}

Wire::Ready Wire::poll_broker(bool for_writing, Deadline deadline, std::span<pollfd> watched, Interrupt& interrupt) {
    const bool heartbeats = heartbeat_.count() > 0;
    auto ready = poll_events(static_cast<short>(POLLIN | (for_writing ? POLLOUT : 0)),
                             heartbeats ? earlier(deadline, std::min(heartbeat_due_, missed_at_)) : deadline, watched,
                             interrupt);
    ready.readable |= heartbeats && Clock::now() >= missed_at_;
    keep_heartbeat();
    return ready;
}

Wire::Ready Wire::poll_unread(Deadline deadline, std::span<pollfd> watched, Interrupt& interrupt) {
    const auto ready =
        poll_events(0, heartbeat_.count() > 0 ? earlier(deadline, heartbeat_due_) : deadline, watched, interrupt);
    keep_heartbeat();
    return ready;
}

/// Heartbeats go out after an interval without a frame sent (AMQP 0-9-1, section 4.2.7); sending
/// at half the interval keeps them from being late.
void Wire::keep_heartbeat() {
    if (heartbeat_.count() == 0 || Clock::now() < heartbeat_due_) {
        return;
    }
    heartbeat_due_ = Clock::now() + heartbeat_ / 2;
    if (unsent() == 0) {
        amqp_frame_t heartbeat{};
        heartbeat.frame_type = AMQP_FRAME_HEARTBEAT;
        append({heartbeat});
    }
    Interrupt none;
    if (poll_events(POLLOUT, Clock::now(), {}, none).writable) {
        write();
    }
}

Wire::Ready Wire::poll_events(short broker_events, Deadline deadline, std::span<pollfd> watched, Interrupt& interrupt) {
    if (lost_) {
        throw lost("nothing can be sent or received any more");
    }
    const bool ended = (broker_events & POLLIN) != 0 && stream_->ended();
    const auto ready = wait_ready(broker_events ? stream_->fd() : -1, broker_events, ended ? Clock::now() : deadline,
                                  interrupt, waiting_, watched);
    constexpr short failed = POLLHUP | POLLERR | POLLNVAL;
    return {.readable = ended || (ready.events & (POLLIN | failed)) != 0,
            .writable = (broker_events & POLLOUT) != 0 && (ready.events & (POLLOUT | failed)) != 0,
            .watched = ready.watched};
}

Error Wire::lost(std::string_view cause) {
    lost_ = true;
    return {ErrorKind::lost, fmt::format("lost the connection to {}", broker_), cause};
}

}  // namespace rabbit
