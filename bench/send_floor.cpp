// The floor for publishing: frames encoded beforehand, written straight to the socket.
//
//   send_floor QUEUE < LINES
//
// Each line is a message. QUEUE is declared as `send` would declare it, and purged. All are mandatory and confirmed,
// 10,000 in flight. Ends with 0 only if the broker has confirmed every one and returned none.

#include "session.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <system_error>
#include <vector>

#include <poll.h>
#include <sys/socket.h>

namespace {

using bench::to_amqp;

constexpr std::size_t window = 10'000;       // messages in flight
constexpr std::size_t most_at_once = 16384;  // bytes to a call of send()

/// The messages, each as its frames: method, header and body.
class Frames {
public:
    Frames(std::string_view routing_key, std::size_t frame_max) : most_in_body_(frame_max - frame_overhead) {
        std::string arguments(1024, '\0');
        amqp_basic_publish_t publish{};
        publish.routing_key = to_amqp(routing_key);
        publish.mandatory = true;
        const int size = amqp_encode_method(AMQP_BASIC_PUBLISH_METHOD, &publish, to_amqp(arguments));
        bench::check(std::min(size, 0), "cannot encode basic.publish");
        arguments.resize(static_cast<std::size_t>(size));
        std::string method;
        append_number(method, AMQP_BASIC_PUBLISH_METHOD, 4);
        append_frame(method_, AMQP_FRAME_METHOD, method + arguments);
    }

    void add(std::string_view body) {
        bytes_ += method_;
        std::string header;
        append_number(header, AMQP_BASIC_CLASS, 2);
        append_number(header, 0, 2);  // weight
        append_number(header, body.size(), 8);
        append_number(header, 0, 2);  // no properties
        append_frame(bytes_, AMQP_FRAME_HEADER, header);
        while (!body.empty()) {
            append_frame(bytes_, AMQP_FRAME_BODY, body.substr(0, most_in_body_));
            body.remove_prefix(std::min(body.size(), most_in_body_));
        }
        ends_.push_back(bytes_.size());
    }

    [[nodiscard]] std::size_t count() const noexcept { return ends_.size(); }

    /// Where the first `messages` of them end.
    [[nodiscard]] std::size_t end_of(std::size_t messages) const { return messages == 0 ? 0 : ends_[messages - 1]; }

    /// How many messages end within the first `size` bytes.
    [[nodiscard]] std::size_t whole_within(std::size_t size) const {
        return static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), size) - ends_.begin());
    }

    [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

private:
    static constexpr std::size_t frame_overhead = 8;

    static void append_number(std::string& to, std::uint64_t value, int bytes) {
        while (bytes-- > 0) {
            to += static_cast<char>(value >> (8 * bytes) & 0xff);
        }
    }

    static void append_frame(std::string& to, std::uint8_t type, std::string_view payload) {
        append_number(to, type, 1);
        append_number(to, bench::channel, 2);
        append_number(to, payload.size(), 4);
        to += payload;
        append_number(to, AMQP_FRAME_END, 1);
    }

    std::string method_;  ///< the same for all
    std::size_t most_in_body_;
    std::string bytes_;
    std::vector<std::size_t> ends_;
};

class Publishing {
public:
    Publishing(const bench::Session& session, const Frames& frames)
        : state_(session.state()), socket_(amqp_get_sockfd(state_)), frames_(frames), settled_(frames.count()) {}

    void run() {
        while (first_unsettled_ < frames_.count()) {
            const auto allowed = frames_.end_of(std::min(frames_.count(), first_unsettled_ + window));
            if (sent_bytes_ < allowed) {
                send_some(allowed);
            } else {
                handle_frame(nullptr);
            }
            timeval at_once{};
            while (handle_frame(&at_once)) {
            }
        }
    }

private:
    void send_some(std::size_t end) {
        const auto size = std::min(end - sent_bytes_, most_at_once);
        const auto sent = send(socket_, frames_.bytes().data() + sent_bytes_, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            sent_bytes_ += static_cast<std::size_t>(sent);
        } else if (errno == EAGAIN) {
            pollfd ready{socket_, POLLIN | POLLOUT, 0};
            poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            throw std::system_error(errno, std::generic_category(), "cannot publish");
        }
    }

    /// False when there was none in time.
    bool handle_frame(timeval* timeout) {
        amqp_frame_t frame{};
        const int status = amqp_simple_wait_frame_noblock(state_, &frame, timeout);
        if (status == AMQP_STATUS_TIMEOUT) {
            return false;
        }
        bench::check(status, "cannot read confirms");
        if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD) {
            throw std::runtime_error(std::string("instead of an ack came ") +
                                     (frame.frame_type == AMQP_FRAME_METHOD ? amqp_method_name(frame.payload.method.id)
                                                                            : "a frame that is no method"));
        }
        settle(*static_cast<const amqp_basic_ack_t*>(frame.payload.method.decoded));
        amqp_maybe_release_buffers(state_);
        return true;
    }

    void settle(const amqp_basic_ack_t& ack) {
        // Delivery tags count from 1. Tag 0 with `multiple` means all so far.
        const auto sent = frames_.whole_within(sent_bytes_);
        const auto end = ack.multiple && ack.delivery_tag == 0 ? sent : ack.delivery_tag;
        if (end == 0 || end > sent) {
            throw std::runtime_error("the broker confirmed what was not published");
        }
        for (auto index = ack.multiple ? first_unsettled_ : end - 1; index < end; ++index) {
            settled_[index] = true;  // message `index` has the tag after it
        }
        while (first_unsettled_ < settled_.size() && settled_[first_unsettled_]) {
            ++first_unsettled_;
        }
    }

    amqp_connection_state_t state_;
    int socket_;
    const Frames& frames_;
    std::size_t sent_bytes_ = 0;
    std::vector<bool> settled_;
    std::size_t first_unsettled_ = 0;
};

void declare_empty(const bench::Session& session, std::string_view queue) {
    amqp_queue_declare(session.state(), bench::channel, to_amqp(queue), false, false, false, false, amqp_empty_table);
    session.check_reply("cannot declare the queue");
    amqp_queue_purge(session.state(), bench::channel, to_amqp(queue));
    session.check_reply("cannot purge the queue");
}

void publish_lines(const char* queue) {
    bench::Session session;
    declare_empty(session, queue);
    amqp_confirm_select(session.state(), bench::channel);
    session.check_reply("cannot turn on confirms");

    Frames frames(queue, static_cast<std::size_t>(amqp_get_frame_max(session.state())));
    std::ios::sync_with_stdio(false);
    for (std::string line; std::getline(std::cin, line);) {
        frames.add(line);
    }
    Publishing(session, frames).run();
    session.close();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: send_floor QUEUE < LINES\n");
        return 64;
    }
    try {
        publish_lines(argv[1]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "send_floor: %s\n", error.what());
        return 1;
    }
}
