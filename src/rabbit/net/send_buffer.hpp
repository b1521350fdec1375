#pragma once

#include "rabbit/body.hpp"

#include <cstddef>
#include <deque>
#include <span>
#include <string>

#include <sys/uio.h>

namespace rabbit {

/// Bytes that wait to be sent, in order. Those of bodies are not copied.
class SendBuffer {
public:
    [[nodiscard]] std::size_t size() const noexcept { return copied_.size() - copied_sent_ + shared_size_; }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

    /// What is appended to this string is sent after all that is in the buffer. Nothing else may be done to it but to take
    /// back what was appended since the last append().
    std::string& end() noexcept { return copied_; }

    /// The bytes are sent from where they are.
    void append(Body body);

    /// The first bytes as pieces in `room`, no more than `most` of them.
    [[nodiscard]] std::span<const iovec> gather(std::span<iovec> room, std::size_t most) const;
    /// The first `count` bytes are sent.
    void consume(std::size_t count);

private:
    struct Shared {
        std::size_t at;  ///< in copied_, what comes after it
        Body body;
    };

    std::string copied_;
    std::size_t copied_sent_ = 0;
    std::deque<Shared> shared_;
    std::size_t shared_size_ = 0;
};

}  // namespace rabbit
