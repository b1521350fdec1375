// The floor for publishing: what has to be done, and nothing around it.
//
//   send_floor QUEUE COUNT SIZE < LINES
//
// Publishes COUNT lines of SIZE bytes to QUEUE, mandatory and confirmed, 10,000 in flight. They are read straight into
// the frames that leave. Ends with 0 only if the broker has confirmed every one and returned none.

#include "arguments.hpp"
#include "session.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <vector>

#include <poll.h>

namespace {

constexpr std::size_t window = 10'000;                        // messages in flight
constexpr std::size_t window_bytes = std::size_t{8} << 20;    // bodies in flight
constexpr std::size_t most_at_once = std::size_t{64} * 1024;  // bytes to a write

/// basic.publish and its header frame.
std::string encode_start(std::string_view queue, std::size_t body_size) {
    std::string bytes;
    amqp_basic_publish_t publish{};
    publish.routing_key = bench::to_amqp(queue);
    publish.mandatory = true;
    bench::append_method(bytes, bench::channel, AMQP_BASIC_PUBLISH_METHOD, &publish);
    std::string header;
    bench::append_number(header, AMQP_BASIC_CLASS, 2);
    bench::append_number(header, 0, 2);  // weight
    bench::append_number(header, body_size, 8);
    bench::append_number(header, 0, 2);  // no properties
    bench::append_frame(bytes, AMQP_FRAME_HEADER, bench::channel, header);
    return bytes;
}

class Publishing {
public:
    Publishing(bench::Session& session, std::string_view queue, std::size_t count, std::size_t size)
        : session_(session),
          start_(encode_start(queue, size)),
          size_(size),
          most_in_frame_(session.frame_max() - bench::frame_overhead),
          in_flight_(std::clamp(window_bytes / size, std::size_t{1}, window)),
          settled_(count) {}

    void run() {
        while (first_unsettled_ < settled_.size()) {
            while (bytes_.size() < most_at_once &&
                   published_ < std::min(settled_.size(), first_unsettled_ + in_flight_)) {
                encode_next();
            }
            const auto left = bytes_.size() - sent_;
            const auto sent = left > 0 ? session_.transport().write({bytes_.data() + sent_, left}) : 0;
            sent_ += sent;
            if (sent_ == bytes_.size()) {
                bytes_.clear();
                sent_ = 0;
            }
            if (!handle_confirms() && sent == 0) {
                session_.transport().wait(static_cast<short>(left > 0 ? POLLIN | POLLOUT : POLLIN));
            }
        }
    }

private:
    void encode_next() {
        bytes_ += start_;
        for (std::size_t left = size_; left > 0;) {
            const auto part = std::min(left, most_in_frame_);
            bench::append_number(bytes_, AMQP_FRAME_BODY, 1);
            bench::append_number(bytes_, bench::channel, 2);
            bench::append_number(bytes_, part, 4);
            read_body(part);
            bench::append_number(bytes_, AMQP_FRAME_END, 1);
            left -= part;
        }
        if (std::getc(stdin) != '\n') {
            throw std::runtime_error("a line of another size");
        }
        ++published_;
    }

    void read_body(std::size_t size) {
        const auto begin = bytes_.size();
        bytes_.resize(begin + size);
        if (std::fread(bytes_.data() + begin, 1, size, stdin) != size) {
            throw std::runtime_error("too few lines");
        }
    }

    /// False: none has come.
    bool handle_confirms() {
        if (!session_.receive()) {
            return false;
        }
        while (const auto piece = session_.next()) {
            if (piece->method() != AMQP_BASIC_ACK_METHOD) {
                throw std::runtime_error("instead of a confirm came something else");
            }
            settle(bench::number(piece->arguments().substr(0, 8)), piece->arguments()[8] != 0);
        }
        return true;
    }

    /// Delivery tags count from 1. Tag 0 with `multiple` means all so far.
    void settle(std::uint64_t delivery_tag, bool multiple) {
        const auto end = multiple && delivery_tag == 0 ? published_ : delivery_tag;
        if (end == 0 || end > published_) {
            throw std::runtime_error("the broker confirmed what was not published");
        }
        for (auto index = multiple ? first_unsettled_ : end - 1; index < end; ++index) {
            settled_[index] = true;
        }
        while (first_unsettled_ < settled_.size() && settled_[first_unsettled_]) {
            ++first_unsettled_;
        }
    }

    bench::Session& session_;
    std::string start_;
    std::size_t size_;
    std::size_t most_in_frame_;
    std::size_t in_flight_;
    std::string bytes_;
    std::size_t sent_ = 0;
    std::size_t published_ = 0;
    std::vector<bool> settled_;
    std::size_t first_unsettled_ = 0;
};

void publish(std::string_view queue, std::size_t count, std::size_t size) {
    bench::Session session;
    amqp_confirm_select_t select{};
    session.call(AMQP_CONFIRM_SELECT_METHOD, &select, AMQP_CONFIRM_SELECT_OK_METHOD);
    Publishing(session, queue, count, size).run();
    session.close();
}

}  // namespace

int main(int argc, char** argv) {
    return bench::run("usage: send_floor QUEUE COUNT SIZE < LINES", argc, argv, 3, [](const auto& arguments) {
        publish(arguments[0], bench::to_number(arguments[1]), bench::to_number(arguments[2]));
    });
}
