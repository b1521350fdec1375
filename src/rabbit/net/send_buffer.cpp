#include "net/send_buffer.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace rabbit {

void SendBuffer::append(Body body) {
    shared_size_ += body.size();
    shared_.push_back({copied_.size(), std::move(body)});
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
    for (auto shared = shared_.begin(); shared != shared_.end() && most > 0 && count < room.size(); ++shared) {
        add(copied.substr(at, shared->at - at));
        add(shared->body.bytes());
        at = shared->at;
    }
    add(copied.substr(at));
    return room.first(count);
}

void SendBuffer::consume(std::size_t count) {
    while (count > 0) {
        const auto until_shared = (shared_.empty() ? copied_.size() : shared_.front().at) - copied_sent_;
        const auto copied = std::min(count, until_shared);
        copied_sent_ += copied;
        count -= copied;
        if (count > 0) {
            auto& body = shared_.front().body;
            const auto shared = std::min(count, body.size());
            body = body.part(shared);
            shared_size_ -= shared;
            count -= shared;
            if (body.size() == 0) {
                shared_.pop_front();
            }
        }
    }
    if (empty()) {
        copied_.clear();
        copied_sent_ = 0;
    }
}

}  // namespace rabbit
