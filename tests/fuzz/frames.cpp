// What a broker may send to a connection with a consumer or a publisher. It ends in an Error or in order.
//
// The input's first byte says who listens and how it comes; the rest is what the broker sends: one frame whenever the
// connection reads, or all at once; then it hangs up.
#include "fuzz.hpp"
#include "net/stream.hpp"
#include "rabbit/consumer.hpp"
#include "rabbit/error.hpp"
#include "rabbit/publisher.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include <sys/eventfd.h>
#include <unistd.h>

namespace {

/// A stream that is always ready: it takes all it is given, and gives what the broker says.
class Script final : public rabbit::Stream {
public:
    Script(std::string_view said, bool at_once)
        : left_(said), at_once_(at_once), fd_(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)) {
        require(fd_ >= 0);
    }
    ~Script() override { close(fd_); }

    std::optional<std::size_t> write(std::span<const iovec> pieces) override {
        return std::accumulate(pieces.begin(), pieces.end(), std::size_t{0},
                               [](std::size_t sum, const iovec& piece) { return sum + piece.iov_len; });
    }

    std::optional<std::size_t> read(std::span<char> room) override {
        if (left_.empty()) {
            end_.cause = rabbit::closed_by_peer;
            return std::nullopt;
        }
        const auto size = std::min(room.size(), at_once_ ? left_.size() : next_frame());
        std::memcpy(room.data(), left_.data(), size);
        left_.remove_prefix(size);
        return size;
    }

    [[nodiscard]] int fd() const noexcept override { return fd_; }
    [[nodiscard]] const End& end() const noexcept override { return end_; }

private:
    [[nodiscard]] std::size_t next_frame() const {
        std::size_t size = 0;
        for (std::size_t i = 3; i < 7 && i < left_.size(); ++i) {
            size = size << 8 | static_cast<unsigned char>(left_[i]);
        }
        return std::min(left_.size(), size + 8);
    }

    std::string_view left_;
    bool at_once_;
    int fd_;
    End end_;
};

void consume(rabbit::Connection& connection) {
    const auto queue = connection.declare({.name = "hello", .arguments = {}});
    rabbit::Consumer consumer(connection, {.queue = queue.name, .no_ack = false, .prefetch = 10});
    for (int i = 0; i < 3; ++i) {
        if (const auto delivery = consumer.next()) {
            consumer.ack(delivery->delivery_tag);
        }
    }
    consumer.cancel();
    while (consumer.next()) {
    }
}

void publish(rabbit::Connection& connection) {
    rabbit::Publisher publisher(connection, {.window = 2});
    for (int i = 0; i < 3; ++i) {
        publisher.publish({"", "hello"}, {"body", nullptr});
    }
    publisher.settle();
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const auto open = [said = text_of(data + 1, size - 1), at_once = (data[0] & 2) != 0](
                          const rabbit::Endpoint&, rabbit::TimeLimit, rabbit::Interrupt&) {
        return std::make_unique<Script>(said, at_once);
    };
    try {
        rabbit::Connection connection({rabbit::Endpoint()}, {.heartbeat = std::chrono::seconds(0)}, open);
        (data[0] & 1 ? consume : publish)(connection);
        connection.close();
    } catch (const rabbit::Error&) {
    }
    return 0;
}
