#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <string_view>

#include <sys/uio.h>

namespace rabbit {

/// Bytes that wait to be sent, in order. Some are copied, others borrowed: they stay where they are until they are sent.
class SendBuffer {
public:
    [[nodiscard]] std::size_t size() const noexcept { return copied_.size() - copied_sent_ + borrowed_size_; }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

    /// What is appended to this string is sent after all that is in the buffer. Nothing else may be done to it but to take
    /// back what was appended since the last borrow().
    std::string& end() noexcept { return copied_; }

    /// `bytes` must stay in place until they are sent, or until keep() is called.
    void borrow(std::string_view bytes);
    /// Copies what is borrowed.
    void keep();

    /// The first bytes as pieces in `room`, no more than `most` of them.
    [[nodiscard]] std::span<const iovec> gather(std::span<iovec> room, std::size_t most) const;
    /// The first `count` bytes are sent.
    void consume(std::size_t count);

private:
    struct Borrowed {
        std::size_t at;  ///< in copied_, what comes after it
        std::string_view bytes;
    };

    std::string copied_;
    std::size_t copied_sent_ = 0;
    std::deque<Borrowed> borrowed_;
    std::size_t borrowed_size_ = 0;
};

}  // namespace rabbit
