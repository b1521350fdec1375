#pragma once

#include "codec/frame_codec.hpp"
#include "codec/publish_head.hpp"
#include "net/interrupt.hpp"
#include "net/send_buffer.hpp"
#include "net/stream.hpp"
#include "rabbit/body.hpp"
#include "rabbit/deadline.hpp"
#include "rabbit/error.hpp"

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct pollfd;

namespace rabbit {

/// The frames of one connection to a broker, encoded and decoded by rabbitmq-c.
///
/// Frames leave many in one system call; rabbitmq-c itself makes three calls a message, and waits in them without a
/// limit, where it neither reads confirms nor can be interrupted. Here nothing but poll() waits: a frame that the socket
/// takes in part stays begun until there is room for more of it, and what comes meanwhile is read.
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

    /// Encodes frames that are no bodies after those not sent yet, all or none. Throws ErrorKind::invalid if one is
    /// larger than a frame may be.
    void append(std::initializer_list<amqp_frame_t> frames);
    /// Of a body, in one frame: below it copying costs less than one more piece for the system.
    static constexpr std::size_t least_shared = std::size_t{4} * 1024;
    /// Appends a message, its body in frames as large as agreed. A large body is not copied. Throws ErrorKind::invalid for
    /// a head of a connection with larger frames that does not fit one of this connection.
    void append(const PublishHead& head, const Body& body);
    /// The largest frame that was agreed on.
    [[nodiscard]] std::size_t frame_max() const noexcept { return frame_max_; }

    /// So many unsent bytes are worth a system call.
    static constexpr std::size_t batch = std::size_t{128} * 1024;
    /// Bytes that wait for the socket to be writable.
    [[nodiscard]] std::size_t unsent() const noexcept { return out_.size(); }
    /// Bytes of frames since the connection began: appended so far, and handed to the system.
    [[nodiscard]] std::uint64_t appended() const noexcept { return written_ + out_.size(); }
    [[nodiscard]] std::uint64_t written() const noexcept { return written_; }
    /// Sends the first of them. To be called when poll() said that the socket is writable.
    void write();

    /// A frame has been received already.
    [[nodiscard]] bool buffered() const noexcept;
    /// The next frame that is at hand, without heartbeats; asks the system once at most. A body frame may come as several,
    /// so that it is not held until all of it is there. It also finds that heartbeats are missing: call it whenever
    /// poll() said that the socket is readable. The frame lives until the next call.
    std::optional<amqp_frame_t> read();

    struct Ready {
        bool readable = false;  ///< or the broker's heartbeats are missing
        bool writable = false;
        bool watched = false;

        [[nodiscard]] bool any() const noexcept { return readable || writable || watched; }
    };
    /// Waits for the broker's socket and the watched descriptors, and sends a heartbeat when one is due. Throws an Error
    /// of kind `interrupted` or `lost`. Fewer than `least` bytes from the broker are left for up to ten milliseconds, so
    /// that many frames that come one by one are read at once.
    Ready poll(bool for_writing, Deadline deadline, std::span<pollfd> watched, Interrupt& interrupt,
               std::size_t least = 1);

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
    Ready poll_broker(bool for_writing, Deadline deadline, std::span<pollfd> watched, Interrupt& interrupt);
    Ready poll_events(short broker_events, Deadline deadline, std::span<pollfd> watched, Interrupt& interrupt);
    void keep_heartbeat();
    std::size_t write_some(std::span<const iovec> pieces);
    void receive();
    amqp_frame_t take_frame();
    [[nodiscard]] std::size_t body_at_hand() const noexcept;
    amqp_frame_t take_body();

    std::string broker_;
    std::string waiting_;  ///< the operation of an Error that ends a wait
    std::unique_ptr<Stream> stream_;
    std::size_t frame_max_ = largest_frame;
    std::chrono::milliseconds heartbeat_{0};
    Clock::time_point heartbeat_due_;  ///< the next of ours, while there are any
    Clock::time_point missed_at_;      ///< the broker's, if nothing comes until then
    bool answered_ = false;
    bool lost_ = false;
    SendBuffer out_;              ///< frames, the first of them perhaps begun
    std::uint64_t written_ = 0;   ///< bytes
    std::unique_ptr<char[]> in_;  ///< received bytes; room for two of the largest frames
    std::size_t begin_ = 0;       ///< in in_, of what was not read yet
    std::size_t end_ = 0;
    bool in_body_ = false;       ///< of a body frame, part of which has been taken
    std::size_t body_left_ = 0;  ///< the rest of its payload
    amqp_channel_t body_channel_ = 0;
    FrameDecoder decoder_;
};

}  // namespace rabbit
