#pragma once

#include "amqp.hpp"
#include "rabbit/connection.hpp"
#include "rabbit/error.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <poll.h>

namespace rabbit {

class Tls;

/// The frames of one connection to a broker, over rabbitmq-c.
///
/// Frames to send are encoded with rabbitmq-c's encoders into a buffer and leave many in one system call; rabbitmq-c
/// itself would make three calls a message, and wait in them without an end. At most two `batch`es leave between two
/// polls: where poll says that a socket is writable, Linux has a third of its send buffer free, and these fit, so
/// that nothing waits and, but for a system short of memory, no frame is sent by halves.
class Wire {
public:
    /// Connects. Throws kind `unreachable`, `refused` or `interrupted`.
    Wire(const Endpoint& endpoint, const ConnectionOptions& options);
    ~Wire();

    /// The first bytes of a connection (AMQP 0-9-1, section 4.2.2).
    void send_protocol_header();
    /// Sets the limits that were agreed on, and begins to keep heartbeats.
    void tune(const amqp_connection_tune_ok_t& agreed);

    static constexpr std::size_t batch = 16 * 1024;
    /// The longest payload of a body frame, so that a frame fits a batch.
    [[nodiscard]] std::size_t max_body_frame() const noexcept;

    /// Encodes a frame behind those not sent yet. Throws ErrorKind::invalid if it is larger than a frame may be.
    void send(const amqp_frame_t& frame);
    /// Bytes that wait for the socket to be writable.
    [[nodiscard]] std::size_t unsent() const noexcept { return out_.size() - written_; }
    /// Drops the last of them, so that `keep` bytes are left; the caller knows where a frame begins.
    void forget_unsent(std::size_t keep) { out_.resize(written_ + keep); }
    /// Sends the first of them. To be called when poll() said that the socket is writable.
    void write();

    /// A frame that has been read already, without a system call.
    [[nodiscard]] bool buffered() const noexcept;
    /// The next frame that is at hand. Also where rabbitmq-c sends heartbeats and finds them missing: to be called
    /// whenever poll() said that the socket is readable. The frame lives until the next call of a Wire function.
    std::optional<amqp_frame_t> read();

    struct Ready {
        bool readable = false;  ///< or a heartbeat may be due
        bool writable = false;
        bool watched = false;
        bool interrupted = false;
    };
    /// poll(2) on the broker's socket, the watched descriptors and `interrupt` (-1: none).
    Ready poll(bool for_writing, Deadline deadline, std::span<pollfd> watched, int interrupt);

    /// The same without the broker's socket, and a heartbeat sent when one is due.
    Ready poll_unread(Deadline deadline, std::span<pollfd> watched, int interrupt);

    /// The connection ended by a TLS alert of the broker's.
    [[nodiscard]] bool was_refused() const;

    /// An Error of kind `lost` that names the broker; from then on poll() throws it too.
    [[nodiscard]] Error lost(std::string_view cause);

private:
    struct Destroy {
        void operator()(amqp_connection_state_t state) const noexcept;
    };

    void open_tcp(const Endpoint& endpoint, const ConnectionOptions& options);

    void check_first_byte();
    std::size_t append_payload(const amqp_frame_t& frame);
    Ready poll_events(short broker_events, Deadline deadline, std::span<pollfd> watched, int interrupt);
    [[nodiscard]] Deadline service_due() const;
    [[nodiscard]] std::size_t next_batch() const noexcept;
    std::size_t write_some(const char* data, std::size_t size);

    std::unique_ptr<amqp_connection_state_t_, Destroy> state_;
    std::string broker_;
    bool answered_ = false;  ///< the first byte has come
    bool lost_ = false;
    std::unique_ptr<Tls> tls_;   ///< null over plain TCP
    std::string out_;            ///< encoded frames
    std::size_t written_ = 0;    ///< of out_
    std::size_t stalled_end_ = 0;
    Deadline stalled_until_;     ///< set while out_ up to stalled_end_ is sent by halves: when to give up on it
    std::vector<pollfd> polled_;
};

}  // namespace rabbit
