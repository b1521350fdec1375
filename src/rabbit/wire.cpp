#include "wire.hpp"

#include "tls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/socket.h>

namespace rabbit {
namespace {

// AMQP 0-9-1, section 4.2.3: type, channel and size come before a frame's payload, the end octet behind it.
constexpr std::size_t frame_header = 7;
constexpr std::size_t frame_overhead = frame_header + 1;

constexpr std::size_t in_size = std::size_t{2} * Wire::largest_frame;

void put(char* at, std::uint64_t number, int bytes) {
    for (int i = 0; i < bytes; ++i) {
        at[i] = static_cast<char>(number >> (8 * (bytes - 1 - i)));
    }
}

std::uint64_t get(const void* at, int bytes) {
    std::uint64_t number = 0;
    for (int i = 0; i < bytes; ++i) {
        number = number << 8 | static_cast<const unsigned char*>(at)[i];
    }
    return number;
}

/// The size of the frame that begins there, header and end included.
std::size_t frame_size(const char* frame) {
    return frame_overhead + get(frame + 3, 4);
}

/// The part of a payload in front of what rabbitmq-c decodes: a method's number; a header's class, weight and body
/// size; nothing of a body. Empty for a type that AMQP does not have.
std::optional<std::size_t> fixed_part(std::uint8_t frame_type) {
    switch (frame_type) {
        case AMQP_FRAME_METHOD: return 4;
        case AMQP_FRAME_HEADER: return 12;
        case AMQP_FRAME_BODY:
        case AMQP_FRAME_HEARTBEAT: return 0;
        default: return std::nullopt;
    }
}

/// Writes the payload of a frame that is no body; its size, or rabbitmq-c's negative status.
int encode_payload(const amqp_frame_t& frame, char* at, std::size_t room) {
    if (frame.frame_type == AMQP_FRAME_HEARTBEAT) {
        return 0;
    }
    if (frame.frame_type == AMQP_FRAME_METHOD) {
        const auto& method = frame.payload.method;
        put(at, method.id, 4);
        const int size = amqp_encode_method(method.id, method.decoded, {room - 4, at + 4});
        return size < 0 ? size : size + 4;
    }
    const auto& header = frame.payload.properties;
    put(at, header.class_id, 2);
    put(at + 2, 0, 2);  // weight, unused
    put(at + 4, header.body_size, 8);
    const int size = amqp_encode_properties(header.class_id, header.decoded, {room - 12, at + 12});
    return size < 0 ? size : size + 12;
}

/// What a port for TLS answers to AMQP's first bytes begins with: RFC 8446, section 5.1.
constexpr std::uint8_t tls_alert = 21;

constexpr auto closed = "the connection was closed by the other side";

}  // namespace

Wire::~Wire() = default;

Wire::Wire(const Endpoint& endpoint, const ConnectionOptions& options)
    : broker_(endpoint.name()), in_(std::make_unique_for_overwrite<char[]>(in_size)) {
    const auto timeout = endpoint.connect_timeout.value_or(options.connect_timeout);
    if (endpoint.tls) {
        tls_ = std::make_unique<Tls>(endpoint);  // its files are looked at first
    }
    socket_ = connect_tcp(endpoint, timeout, options.interrupt);
    if (tls_) {
        tls_->handshake(socket_.fd(), timeout, options.interrupt);
    }
}

void Wire::send_protocol_header() {
    constexpr std::string_view header("AMQP\0\0\x09\x01", 8);
    if (write_some(header.data(), header.size()) != header.size()) {  // it has the whole send buffer
        throw lost("it takes no data");
    }
}

void Wire::tune(const amqp_connection_tune_ok_t& agreed) {
    frame_max_ = agreed.frame_max;
    heartbeat_ = std::chrono::seconds(agreed.heartbeat);
    heartbeat_due_ = Clock::now() + heartbeat_ / 2;
    missed_at_ = Clock::now() + 2 * heartbeat_;
}

std::size_t Wire::max_body_frame() const noexcept {
    return std::min(frame_max_, batch) - frame_overhead;
}

void Wire::send(const amqp_frame_t& frame) {
    const auto begin = out_.size();
    std::size_t size = 0;
    if (frame.frame_type == AMQP_FRAME_BODY) {
        const auto body = view(frame.payload.body_fragment);
        size = body.size();
        out_.resize(begin + frame_header);
        out_.append(body);
    } else {
        size = append_payload(frame);
    }
    put(out_.data() + begin, frame.frame_type, 1);
    put(out_.data() + begin + 1, frame.channel, 2);
    put(out_.data() + begin + 3, size, 4);
    out_ += static_cast<char>(AMQP_FRAME_END);
}

std::size_t Wire::append_payload(const amqp_frame_t& frame) {
    const auto begin = out_.size();
    constexpr std::size_t usual = 2048;  // enough for anything without a large table
    const auto largest = frame_max_ - frame_overhead;
    for (const auto room : {std::min(usual, largest), largest}) {
        out_.resize(begin + frame_header + room);
        if (const int size = encode_payload(frame, out_.data() + begin + frame_header, room); size >= 0) {
            out_.resize(begin + frame_header + static_cast<std::size_t>(size));
            return static_cast<std::size_t>(size);
        }
    }
    out_.resize(begin);
    throw Error(ErrorKind::invalid, "cannot send the headers or arguments",
                fmt::format("they do not fit a frame of {} bytes", largest));
}

/// Whole frames: up to `batch` bytes and the frame that goes past it.
std::size_t Wire::next_batch() const noexcept {
    std::size_t size = 0;
    while (size < batch && written_ + size < out_.size()) {
        size += frame_size(out_.data() + written_ + size);
    }
    return size;
}

void Wire::write() {
    const auto end = stalled_until_ ? stalled_end_ : written_ + next_batch();
    while (written_ < end) {
        const auto sent = write_some(out_.data() + written_, end - written_);
        if (sent == 0) {
            if (!stalled_until_) {
                stalled_until_ = Clock::now() + std::max<std::chrono::milliseconds>(2 * heartbeat_, std::chrono::seconds(30));
                stalled_end_ = end;
            }
            return;
        }
        written_ += sent;
    }
    heartbeat_due_ = Clock::now() + heartbeat_ / 2;
    stalled_until_.reset();
    if (written_ == out_.size()) {
        out_.clear();
        written_ = 0;
    }
}

/// The bytes that the socket took; 0: it is full.
std::size_t Wire::write_some(const char* data, std::size_t size) {
    if (tls_) {
        const auto sent = tls_->write(data, size);
        return sent ? *sent : throw lost(tls_->end_cause());
    }
    ssize_t sent;
    do {
        sent = ::send(socket_.fd(), data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        return static_cast<std::size_t>(sent);
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return 0;
    }
    throw lost(std::strerror(errno));
}

/// A frame that breaks a rule is there as soon as its header is.
bool Wire::buffered() const noexcept {
    const auto available = end_ - begin_;
    if (available < frame_header) {
        return false;
    }
    const char* frame = in_.get() + begin_;
    const auto size = frame_size(frame);
    return available >= size || size > frame_max_ || !fixed_part(static_cast<std::uint8_t>(*frame));
}

std::optional<amqp_frame_t> Wire::read() {
    if (!buffered()) {
        receive();
    }
    while (buffered()) {
        if (const auto frame = take_frame(); frame.frame_type != AMQP_FRAME_HEARTBEAT) {
            return frame;
        }
    }
    return std::nullopt;
}

/// What is at hand, behind the beginning of a frame that is there already.
void Wire::receive() {
    if (in_size - end_ < largest_frame || begin_ == end_) {
        std::memmove(in_.get(), in_.get() + begin_, end_ - begin_);
        end_ -= std::exchange(begin_, 0);
    }
    const auto received = read_some(in_.get() + end_, in_size - end_);
    end_ += received;
    if (received > 0) {
        missed_at_ = Clock::now() + 2 * heartbeat_;
    } else if (heartbeat_.count() > 0 && Clock::now() >= missed_at_) {
        throw lost(fmt::format("no heartbeat for {} seconds", 2 * heartbeat_.count() / 1000));
    }
}

/// 0: there is nothing.
std::size_t Wire::read_some(char* to, std::size_t size) {
    if (tls_) {
        const auto received = tls_->read(to, size);
        return received ? *received : throw lost(tls_->end_cause());
    }
    ssize_t received;
    do {
        received = ::recv(socket_.fd(), to, size, MSG_DONTWAIT);
    } while (received < 0 && errno == EINTR);
    if (received > 0) {
        return static_cast<std::size_t>(received);
    }
    if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return 0;
    }
    throw lost(received == 0 ? closed : std::strerror(errno));
}

amqp_frame_t Wire::take_frame() {
    char* at = in_.get() + begin_;
    const auto size = frame_size(at);
    amqp_frame_t frame{};
    frame.frame_type = static_cast<std::uint8_t>(*at);
    frame.channel = static_cast<amqp_channel_t>(get(at + 1, 2));
    const auto fixed = fixed_part(frame.frame_type);
    if (!fixed) {
        if (!answered_ && !tls_ && frame.frame_type == tls_alert) {
            throw Error(ErrorKind::unreachable, fmt::format("cannot connect to {}", broker_),
                        "this port is for TLS; the URL for it begins with amqps://");
        }
        throw lost("it sent what is no frame of AMQP 0-9-1");
    }
    if (size > frame_max_) {
        throw lost(fmt::format("it sent a frame of {} bytes, where {} is the most", size, frame_max_));
    }
    if (size < frame_overhead + *fixed || get(at + size - 1, 1) != AMQP_FRAME_END) {
        throw lost("it sent a malformed frame");
    }
    recycle_amqp_pool(&decoded_);
    if (const int status = decode(frame, {size - frame_overhead, at + frame_header}); status < 0) {
        throw lost(fmt::format("it sent a malformed frame: {}", amqp_error_string2(status)));
    }
    begin_ += size;
    answered_ = true;
    return frame;
}

/// As long as the fixed part of its type at least; the result is rabbitmq-c's negative status if not 0.
int Wire::decode(amqp_frame_t& frame, amqp_bytes_t payload) {
    const auto fixed = *fixed_part(frame.frame_type);
    char* at = static_cast<char*>(payload.bytes);
    const amqp_bytes_t encoded{payload.len - fixed, at + fixed};
    switch (frame.frame_type) {
        case AMQP_FRAME_METHOD: {
            auto& method = frame.payload.method;
            method.id = static_cast<amqp_method_number_t>(get(at, 4));
            return amqp_decode_method(method.id, &decoded_, encoded, &method.decoded);
        }
        case AMQP_FRAME_HEADER: {
            auto& header = frame.payload.properties;
            header.class_id = static_cast<std::uint16_t>(get(at, 2));
            header.body_size = get(at + 4, 8);
            return amqp_decode_properties(header.class_id, &decoded_, encoded, &header.decoded);
        }
        default:
            frame.payload.body_fragment = payload;
            return AMQP_STATUS_OK;
    }
}

Wire::Ready Wire::poll(bool for_writing, Deadline deadline, std::span<pollfd> watched, int interrupt) {
    if (passed(stalled_until_)) {
        throw lost("it stopped reading in the middle of a frame");
    }
    const bool heartbeats = heartbeat_.count() > 0;
    auto ready = poll_events(static_cast<short>(POLLIN | (for_writing ? POLLOUT : 0)),
                             heartbeats ? earlier(deadline, std::min(heartbeat_due_, missed_at_)) : deadline, watched,
                             interrupt);
    ready.readable |= heartbeats && Clock::now() >= missed_at_;
    keep_heartbeat();
    return ready;
}

Wire::Ready Wire::poll_unread(Deadline deadline, std::span<pollfd> watched, int interrupt) {
    const auto ready =
        poll_events(0, heartbeat_.count() > 0 ? earlier(deadline, heartbeat_due_) : deadline, watched, interrupt);
    keep_heartbeat();
    return ready;
}

/// Heartbeats go out after an interval without a frame sent (AMQP 0-9-1, section 4.2.7); half of it makes them no late.
void Wire::keep_heartbeat() {
    if (heartbeat_.count() == 0 || Clock::now() < heartbeat_due_) {
        return;
    }
    heartbeat_due_ = Clock::now() + heartbeat_ / 2;
    if (unsent() == 0) {
        amqp_frame_t heartbeat{};
        heartbeat.frame_type = AMQP_FRAME_HEARTBEAT;
        send(heartbeat);
    }
    if (poll_events(POLLOUT, Clock::now(), {}, -1).writable) {
        write();
    }
}

Wire::Ready Wire::poll_events(short broker_events, Deadline deadline, std::span<pollfd> watched, int interrupt) {
    if (lost_) {
        throw lost("nothing can be sent or received any more");
    }
    polled_.clear();
    polled_.push_back({broker_events ? socket_.fd() : -1, broker_events, 0});
    polled_.push_back({interrupt, POLLIN, 0});
    polled_.insert(polled_.end(), watched.begin(), watched.end());
    const int count = ::poll(polled_.data(), polled_.size(), poll_timeout(deadline));
    if (count < 0 && errno != EINTR) {
        throw lost(std::strerror(errno));
    }

    Ready ready;
    for (std::size_t i = 0; i < watched.size(); ++i) {
        watched[i].revents = count > 0 ? polled_[i + 2].revents : short{0};
        ready.watched |= watched[i].revents != 0;
    }
    if (count > 0) {
        const auto broker = polled_[0].revents;
        ready.readable = broker & (POLLIN | POLLHUP | POLLERR | POLLNVAL);
        ready.writable = (broker_events & POLLOUT) && (broker & (POLLOUT | POLLHUP | POLLERR));
        ready.interrupted = polled_[1].revents != 0;
    }
    return ready;
}

bool Wire::was_refused() const {
    return tls_ && tls_->was_refused();
}

Error Wire::lost(std::string_view cause) {
    lost_ = true;
    return Error(ErrorKind::lost, fmt::format("lost the connection to {}", broker_), cause);
}

}  // namespace rabbit
