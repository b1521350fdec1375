#include "wire.hpp"

#include "tcp.hpp"
#include "tls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

namespace rabbit {
namespace {

// AMQP 0-9-1, section 4.2.3: type, channel and size come before a frame's payload, the end octet behind it.
constexpr std::size_t frame_header = 7;
constexpr std::size_t frame_overhead = frame_header + 1;

void put(char* at, std::uint64_t number, int bytes) {
    for (int i = 0; i < bytes; ++i) {
        at[i] = static_cast<char>(number >> (8 * (bytes - 1 - i)));
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

std::string cause_of(int status, int heartbeat, Tls* tls) {
    switch (status) {
        case AMQP_STATUS_SSL_ERROR:
            return tls->end_cause();
        case AMQP_STATUS_SOCKET_ERROR:
            return errno ? std::strerror(errno) : amqp_error_string2(status);
        case AMQP_STATUS_CONNECTION_CLOSED:
        case AMQP_STATUS_SOCKET_CLOSED:
            return "the connection was closed by the other side";
        case AMQP_STATUS_HEARTBEAT_TIMEOUT:
            return fmt::format("no heartbeat for {} seconds", 2 * heartbeat);
        default:
            return amqp_error_string2(status);
    }
}

}  // namespace

Wire::~Wire() = default;

void Wire::Destroy::operator()(amqp_connection_state_t state) const noexcept {
    amqp_destroy_connection(state);
}

Wire::Wire(const Endpoint& endpoint, const ConnectionOptions& options)
    : state_(amqp_new_connection()), broker_(endpoint.name()) {
    if (!state_) {
        throw std::bad_alloc();
    }
    if (endpoint.tls) {
        tls_ = std::make_unique<Tls>(state_.get(), endpoint);
        tls_->connect(endpoint.connect_timeout.value_or(options.connect_timeout), options.interrupt);
    } else {
        open_tcp(endpoint, options);
    }
}

void Wire::open_tcp(const Endpoint& endpoint, const ConnectionOptions& options) {
    auto* socket = amqp_tcp_socket_new(state_.get());
    if (!socket) {
        throw std::bad_alloc();
    }
    amqp_tcp_socket_set_sockfd(socket, connect_tcp(endpoint, endpoint.connect_timeout.value_or(options.connect_timeout), options.interrupt));
}

void Wire::send_protocol_header() {
    errno = 0;
    if (const int status = amqp_send_header(state_.get()); status != AMQP_STATUS_OK) {
        throw lost(cause_of(status, 0, tls_.get()));
    }
}

void Wire::tune(const amqp_connection_tune_ok_t& agreed) {
    const int status =
        amqp_tune_connection(state_.get(), agreed.channel_max, static_cast<int>(agreed.frame_max), agreed.heartbeat);
    if (status != AMQP_STATUS_OK) {
        throw lost(cause_of(status, 0, tls_.get()));
    }
}

std::size_t Wire::max_body_frame() const noexcept {
    const auto negotiated = static_cast<std::size_t>(amqp_get_frame_max(state_.get()));
    return std::min(negotiated, batch) - frame_overhead;
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
    const auto largest = static_cast<std::size_t>(amqp_get_frame_max(state_.get())) - frame_overhead;
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
        std::size_t payload = 0;
        for (std::size_t i = 3; i < frame_header; ++i) {
            payload = payload << 8 | static_cast<unsigned char>(out_[written_ + size + i]);
        }
        size += frame_overhead + payload;
    }
    return size;
}

void Wire::write() {
    const auto end = stalled_until_ ? stalled_end_ : written_ + next_batch();
    while (written_ < end) {
        const auto sent = write_some(out_.data() + written_, end - written_);
        if (sent == 0) {
            if (!stalled_until_) {
                const auto patience = std::chrono::seconds(2 * amqp_get_heartbeat(state_.get()));
                stalled_until_ = Clock::now() + std::max<Clock::duration>(patience, std::chrono::seconds(30));
                stalled_end_ = end;
            }
            return;
        }
        written_ += sent;
    }
    stalled_until_.reset();
    if (written_ == out_.size()) {
        out_.clear();
        written_ = 0;
    }
}

/// The bytes that the socket took; 0: it is full.
std::size_t Wire::write_some(const char* data, std::size_t size) {
    if (tls_) {
        ERR_clear_error();
        const int sent = SSL_write(tls_->ssl(), data, static_cast<int>(size));
        if (sent > 0) {
            return static_cast<std::size_t>(sent);
        }
        const int error = SSL_get_error(tls_->ssl(), sent);
        if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) {
            return 0;
        }
        throw lost(tls_->end_cause());
    }
    ssize_t sent;
    do {
        sent = ::send(amqp_get_sockfd(state_.get()), data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        return static_cast<std::size_t>(sent);
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return 0;
    }
    throw lost(std::strerror(errno));
}

bool Wire::buffered() const noexcept {
    return amqp_frames_enqueued(state_.get()) || amqp_data_in_buffer(state_.get());
}

/// A port for TLS answers AMQP's first bytes with an alert (RFC 8446, section 5.1), which is no frame.
void Wire::check_first_byte() {
    constexpr unsigned char tls_alert = 21;
    unsigned char first = 0;
    if (::recv(amqp_get_sockfd(state_.get()), &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
        answered_ = true;
        if (first == tls_alert) {
            throw Error(ErrorKind::unreachable, fmt::format("cannot connect to {}", broker_),
                        "this port is for TLS; the URL for it begins with amqps://");
        }
    }
}

std::optional<amqp_frame_t> Wire::read() {
    if (!answered_ && !tls_) {
        check_first_byte();
    }
    amqp_maybe_release_buffers(state_.get());
    amqp_frame_t frame;
    const timeval at_once{0, 0};
    errno = 0;
    const int status = amqp_simple_wait_frame_noblock(state_.get(), &frame, &at_once);
    if (status == AMQP_STATUS_TIMEOUT) {
        return std::nullopt;
    }
    if (status != AMQP_STATUS_OK) {
        throw lost(cause_of(status, amqp_get_heartbeat(state_.get()), tls_.get()));
    }
    return frame;
}

Wire::Ready Wire::poll(bool for_writing, Deadline deadline, std::span<pollfd> watched, int interrupt) {
    // rabbitmq-c, reading, may send a heartbeat: not between the two halves of a frame.
    const bool may_read = !stalled_until_;
    if (stalled_until_ && Clock::now() >= *stalled_until_) {
        throw lost("it stopped reading in the middle of a frame");
    }
    const auto service = service_due();
    auto ready = poll_events(static_cast<short>((may_read ? POLLIN : 0) | (for_writing ? POLLOUT : 0)),
                             earlier(deadline, service), watched, interrupt);
    ready.readable = may_read && (ready.readable || (service && Clock::now() >= *service));
    return ready;
}

Wire::Ready Wire::poll_unread(Deadline deadline, std::span<pollfd> watched, int interrupt) {
    const auto service = service_due();
    const auto ready = poll_events(0, earlier(deadline, service), watched, interrupt);
    if (service && Clock::now() >= *service) {
        if (unsent() == 0) {
            amqp_frame_t heartbeat{};
            heartbeat.frame_type = AMQP_FRAME_HEARTBEAT;
            send(heartbeat);
        }
        if (poll_events(POLLOUT, Clock::now(), {}, -1).writable) {
            write();
        }
    }
    return ready;
}

/// Heartbeats go out after an interval without a frame sent (AMQP 0-9-1, section 4.2.7): a quarter of it is soon enough.
Deadline Wire::service_due() const {
    const auto heartbeat = std::chrono::milliseconds(1000 * amqp_get_heartbeat(state_.get()));
    return heartbeat.count() > 0 ? Deadline(Clock::now() + heartbeat / 4) : Deadline();
}

Wire::Ready Wire::poll_events(short broker_events, Deadline deadline, std::span<pollfd> watched, int interrupt) {
    if (lost_) {
        throw lost("nothing can be sent or received any more");
    }
    polled_.clear();
    polled_.push_back({broker_events ? amqp_get_sockfd(state_.get()) : -1, broker_events, 0});
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
