#include "net/send_buffer.hpp"

#include <algorithm>
#include <utility>

namespace rabbit {

void SendBuffer::borrow(std::string_view bytes) {
    borrowed_.push_back({copied_.size(), bytes});
    borrowed_size_ += bytes.size();
}

void SendBuffer::keep() {
    if (borrowed_.empty()) {
        return;
    }
    std::string all;
    all.reserve(size());
    auto at = copied_sent_;
    for (const auto& borrowed : borrowed_) {
        all.append(copied_, at, borrowed.at - at).append(borrowed.bytes);
        at = borrowed.at;
    }
    all.append(copied_, at);
    copied_ = std::move(all);
    copied_sent_ = 0;
    borrowed_.clear();
    borrowed_size_ = 0;
}

std::span<const iovec> SendBuffer::gather(std::span<iovec> room, std::size_t most) const {
    std::size_t count = 0;
    const auto add = [&](std::string_view bytes) {
        bytes = bytes.substr(0, most);
        if (!bytes.empty() && count < room.size()) {
            room[count++] = {const_cast<char*>(bytes.data()), bytes.size()};
            most -= bytes.size();
        }
    };
    const std::string_view copied = copied_;
    auto at = copied_sent_;
    for (auto borrowed = borrowed_.begin(); borrowed != borrowed_.end() && most > 0 && count < room.size();
         ++borrowed) {
        add(copied.substr(at, borrowed->at - at));
        add(borrowed->bytes);
        at = borrowed->at;
    }
    add(copied.substr(at));
    return room.first(count);
}

void SendBuffer::consume(std::size_t count) {
    while (count > 0) {
        const auto until_borrowed = (borrowed_.empty() ? copied_.size() : borrowed_.front().at) - copied_sent_;
        const auto copied = std::min(count, until_borrowed);
        copied_sent_ += copied;
        count -= copied;
        if (count > 0) {
            auto& bytes = borrowed_.front().bytes;
            const auto borrowed = std::min(count, bytes.size());
            bytes.remove_prefix(borrowed);
            borrowed_size_ -= borrowed;
            count -= borrowed;
            if (bytes.empty()) {
                borrowed_.pop_front();
            }
        }
    }
    if (empty()) {
        copied_.clear();
        copied_sent_ = 0;
    }
}

}  // namespace rabbit
