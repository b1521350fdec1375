#pragma once

#include "codec/frame_codec.hpp"
#include "net/interrupt.hpp"
#include "net/stream.hpp"
#include "rabbit/deadline.hpp"
#include "rabbit/error.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct pollfd;

namespace rabbit {

/// The frames of one connection to a broker, encoded and decoded by rabbitmq-c.
///
/// Frames are appended to a buffer and leave many in one system call; rabbitmq-c itself makes three calls a message,
/// and waits in them without a limit, where it neither reads confirms nor can be interrupted. At most two batches leave
/// between two polls: when poll says that a socket is writable, Linux has a third of its send buffer free, and these
/// fit, so that nothing waits and, unless the system is short of memory, no frame is sent in part.
///
/// Received frames are checked before rabbitmq-c decodes them. rabbitmq-c itself keeps memory for each channel that a
/// frame names, and goes on reading for as long as a peer sends heartbeats.
class Wire {
public:
    /// `broker` is its name in errors.
    Wire(std::string broker, std::unique_ptr<Stream> stream);

    /// The largest frame, header and end included, that is sent or taken before the peers have agreed on another.
    static constexpr std::uint32_t largest_frame = 128 * 1024;

    /// The first bytes of a connection (AMQP 0-9-1, section 4.2.2).
    void send_protocol_header();
    /// Sets the limits that were agreed on, with frames no larger than `largest_frame`, and begins to keep heartbeats.
    void tune(const amqp_connection_tune_ok_t& agreed);

    static constexpr std::size_t batch = std::size_t{16} * 1024;
    /// The longest payload of a body frame, so that a frame fits a batch.
    [[nodiscard]] std::size_t max_body_frame() const noexcept;

    /// Encodes a frame after those not sent yet. Throws ErrorKind::invalid if it is larger than a frame may be.
    void append(const amqp_frame_t& frame);
    /// Bytes that wait for the socket to be writable.
    [[nodiscard]] std::size_t unsent() const noexcept { return out_.size() - written_; }
    /// Bytes of frames since the connection began: appended so far, and handed to the system.
    [[nodiscard]] std::uint64_t appended() const noexcept { return forgotten_ + out_.size(); }
    [[nodiscard]] std::uint64_t written() const noexcept { return forgotten_ + written_; }
    /// Drops the last of them, so that `keep` bytes are left; the caller knows where a frame begins.
    void forget_unsent(std::size_t keep) { out_.resize(written_ + keep); }
    /// Sends the first of them. To be called when poll() said that the socket is writable.
    void write();

    /// A frame has been received already.
    [[nodiscard]] bool buffered() const noexcept;
    /// The next frame that is at hand, without heartbeats; asks the system once at most. It also finds that heartbeats
    /// are missing: call it whenever poll() said that the socket is readable. The frame lives until the next call.
    std::optional<amqp_frame_t> read();

    struct Ready {
        bool readable = false;  ///< or the broker's heartbeats are missing
        bool writable = false;
        bool watched = false;
    };
    /// Waits for the broker's socket and the watched descriptors, and sends a heartbeat when one is due. Throws an Error
    /// of kind `interrupted` or `lost`.
    Ready poll(bool for_writing, Deadline deadline, std::span<pollfd> watched, Interrupt& interrupt);

    /// The same without the broker's socket.
    Ready poll_unread(Deadline deadline, std::span<pollfd> watched, Interrupt& interrupt);

    /// The connection ended by a TLS alert of the broker's.
    [[nodiscard]] bool was_refused() const noexcept { return stream_->end().refused; }
    [[nodiscard]] int descriptor() const noexcept { return stream_->fd(); }

    /// A frame has come.
    [[nodiscard]] bool answered() const noexcept { return answered_; }
    /// What has been received and is not decoded.
    [[nodiscard]] std::string_view unread() const noexcept { return {in_.get() + begin_, end_ - begin_}; }

    /// An Error of kind `lost` that names the broker; from then on poll() throws it too.
    [[nodiscard]] Error lost(std::string_view cause);

private:
    Ready poll_events(short broker_events, Deadline deadline, std::span<pollfd> watched, Interrupt& interrupt);
    void keep_heartbeat();
    [[nodiscard]] std::size_t next_batch() const noexcept;
    std::size_t write_some(std::string_view bytes);
    void receive();
    amqp_frame_t take_frame();

    std::string broker_;
    std::string waiting_;  ///< the operation of an Error that ends a wait
    std::unique_ptr<Stream> stream_;
    std::size_t frame_max_ = largest_frame;
    std::chrono::milliseconds heartbeat_{0};
    Clock::time_point heartbeat_due_;  ///< the next of ours, while there are any
    Clock::time_point missed_at_;      ///< the broker's, if nothing comes until then
    bool answered_ = false;
    bool lost_ = false;
    std::string out_;              ///< encoded frames
    std::size_t written_ = 0;      ///< of out_
    std::uint64_t forgotten_ = 0;  ///< bytes written and no longer in out_
    std::size_t stalled_end_ = 0;
    Deadline stalled_until_;      ///< set while out_ up to stalled_end_ is sent in part: when to give up on it
    std::unique_ptr<char[]> in_;  ///< received bytes; room for two of the largest frames
    std::size_t begin_ = 0;       ///< in in_, of what was not read yet
    std::size_t end_ = 0;
    FrameDecoder decoder_;
};

}  // namespace rabbit
