#include "net/wire.hpp"

#include "net/tls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/socket.h>

namespace rabbit {
namespace {

constexpr std::size_t in_size = std::size_t{2} * Wire::largest_frame;

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
    append_frame(out_, frame, frame_max_);
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
        forgotten_ += std::exchange(written_, 0);
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
    return available >= size || size > frame_max_ || !has_frame_type(frame);
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
    if (!has_frame_type(at)) {
        if (!answered_ && !tls_ && static_cast<std::uint8_t>(*at) == tls_alert) {
            throw Error(ErrorKind::unreachable, fmt::format("cannot connect to {}", broker_),
                        "this port is for TLS; the URL for it begins with amqps://");
        }
        throw lost("it sent what is no frame of AMQP 0-9-1");
    }
    const auto size = frame_size(at);
    if (size > frame_max_) {
        throw lost(fmt::format("it sent a frame of {} bytes, where {} is the most", size, frame_max_));
    }
    const auto frame = decoder_.decode(at);
    if (!frame) {
        throw lost(decoder_.error());
    }
    begin_ += size;
    answered_ = true;
    return *frame;
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
