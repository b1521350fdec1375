#pragma once

#include "codec/methods.hpp"
#include "codec/publish_head.hpp"
#include "message_assembler.hpp"
#include "net/wire.hpp"
#include "rabbit/companion.hpp"
#include "rabbit/connection_options.hpp"
#include "rabbit/listener.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace rabbit {

/// The one channel of a connection, and the one place where frames are waited for and handled: methods out; replies,
/// messages and confirms in. It knows nothing of endpoints, retries or sockets.
class Channel {
public:
    /// Both arguments must outlive it.
    Channel(const ConnectionOptions& options, Interrupt& interrupt) : options_(options), interrupt_(interrupt) {}

    /// Goes on over a new connection; whatever was under way on the one before is forgotten.
    void attach(std::string broker, std::unique_ptr<Wire> wire);

    /// Who gets what the broker sends unasked; null: nobody.
    void listen_to_deliveries(ConsumerListener* listener) noexcept { consumer_ = listener ? listener : &nobody_; }
    void listen_to_confirms(PublisherListener* listener) noexcept { publisher_ = listener ? listener : &nobody_; }

    /// As Connection::set_companion().
    void set_companion(Companion* companion) noexcept { companion_ = companion; }

    /// channel.open.
    void open();
    /// Waits until a channel.open that has been appended already is answered.
    void await_open();
    /// Throws kind `closed` if the broker has closed the channel: nothing is answered on it.
    void check_open() const;

    /// connection.close.
    void close_connection();

    /// Encodes a method; it leaves with the next flush.
    template <class Method>
    void append(const Method& method) {
        wire_->append({method_frame(method)});
    }
    /// basic.nack with requeue of every message delivered so far and not acked.
    void append_nack_all();
    /// As PublishEncoder::encode(), for this connection.
    const PublishHead& encode(const Address& address, const std::shared_ptr<const Properties>& properties,
                              bool mandatory);
    /// As Wire::append().
    void append(const PublishHead& head, const Body& body) { wire_->append(head, body); }

    /// Sends a method and waits for the one that answers it. `operation` stands before the cause in an Error of kind
    /// `closed` or `refused`. The wait is given up when `give_up` is true; the answer is then passed over when it comes.
    template <class Reply, class Method>
    void call(std::string_view operation, const Method& method, const std::function<void(const Reply&)>& on_reply = {},
              const std::function<bool()>& give_up = {}) {
        check_open();
        append(method);
        await<Reply>(operation, reply_deadline(), on_reply, give_up);
    }

    /// Waits for a method that something appended before asks for. Throws kind `lost` when it has not come in time.
    template <class Reply>
    void await(std::string_view operation, Deadline deadline, const std::function<void(const Reply&)>& on_reply = {},
               const std::function<bool()>& give_up = {}) {
        await_method(
            operation, deadline, method_id<Reply>,
            [&on_reply](const amqp_frame_t& frame) {
                if (on_reply) {
                    on_reply(arguments_of<Reply>(frame));
                }
            },
            give_up);
    }

    /// A method has been appended together with the first channel.open, and `Reply` answers it. That is passed over when
    /// it comes, unless claim_first_reply() is called before.
    template <class Reply>
    void expect_first_reply() {
        first_reply_ = method_id<Reply>;
    }

    /// True: it is still to come, and to be waited for with await().
    bool claim_first_reply() noexcept { return std::exchange(first_reply_, 0) != 0; }

    /// When the answer to a method asked for now must have come.
    [[nodiscard]] Deadline reply_deadline() const;

    /// Bytes of frames since attach(): appended so far, and handed to the system.
    [[nodiscard]] std::uint64_t appended() const noexcept { return wire_->appended(); }
    [[nodiscard]] std::uint64_t written() const noexcept { return wire_->written(); }

    /// Sends what is buffered as far as the socket takes it at once.
    void flush_now();
    /// Sends what is buffered; true: what the broker sent meanwhile was handled. `least` as in Connection::wait().
    bool flush(Deadline deadline = {}, std::size_t least = 1);
    /// What is buffered is worth a flush.
    [[nodiscard]] bool has_full_batch() const noexcept { return wire_->unsent() >= Wire::batch; }

    /// As Connection::wait() and Connection::wait_without_reading().
    WaitResult wait(Deadline deadline, std::span<pollfd> watched = {}, std::size_t least = 1);
    WaitResult wait_without_reading(Deadline deadline, std::span<pollfd> watched);

    /// Handles one frame that has been read already, without asking the system for more; false: there was none.
    bool handle_buffered();

    /// Handles one frame that has come, without waiting; false: none has.
    bool handle_arrived() { return read_frame(); }

    /// Of the socket.
    [[nodiscard]] int descriptor() const noexcept { return wire_->descriptor(); }

    /// Why no messages are taken at the moment, if they are not.
    [[nodiscard]] const std::optional<std::string>& blocked() const noexcept { return blocked_; }

    [[nodiscard]] const std::string& broker() const noexcept { return broker_; }
    [[nodiscard]] Interrupt& interrupt() noexcept { return interrupt_; }

    /// An Error of kind `lost`; nothing can be sent or received any more.
    [[nodiscard]] Error lost(std::string_view cause) { return wire_->lost(cause); }

private:
    using OnMethod = std::function<void(const amqp_frame_t&)>;
    struct Awaited;
    class Nobody final : public ConsumerListener, public PublisherListener {};

    /// What was under way on the channel before the one that is being opened.
    void forget();
    void await_method(std::string_view operation, Deadline deadline, amqp_method_number_t method,
                      const OnMethod& on_method, const std::function<bool()>& give_up);
    template <class Poll>
    Wire::Ready poll_with_companion(Deadline deadline, std::span<pollfd> watched, const Poll& poll);
    bool read_frame();
    void handle(const amqp_frame_t& frame);
    void handle_content(const amqp_frame_t& frame);
    void handle_method(const amqp_frame_t& frame);
    void handle_flow(const amqp_channel_flow_t& flow);
    void handle_reply(const amqp_frame_t& frame);
    [[noreturn]] void handle_channel_close(const amqp_channel_close_t& close);
    [[noreturn]] void handle_connection_close(const amqp_connection_close_t& close);
    void set_blocked(std::optional<std::string> reason);

    const ConnectionOptions& options_;
    Interrupt& interrupt_;
    std::string broker_;  ///< its name in errors
    std::unique_ptr<Wire> wire_;
    MessageAssembler assembler_;
    std::optional<PublishEncoder> encoder_;
    Nobody nobody_;
    ConsumerListener* consumer_ = &nobody_;
    PublisherListener* publisher_ = &nobody_;
    Companion* companion_ = nullptr;
    Awaited* awaited_ = nullptr;
    std::deque<amqp_method_number_t> late_replies_;  ///< to methods whose wait was given up, in order
    amqp_method_number_t first_reply_ = 0;           ///< see expect_first_reply(); 0: none is to come
    std::optional<std::string> blocked_;
    bool opening_ = false;  ///< channel.open is not answered
    bool open_ = false;
};

}  // namespace rabbit
