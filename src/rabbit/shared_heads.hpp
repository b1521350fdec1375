#pragma once

#include "codec/publish_head.hpp"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace rabbit {

/// The heads of messages in flight. Messages that follow each other and have the same head share one; the memory of a head
/// that nobody needs any more is used again.
class SharedHeads {
public:
    /// It lives in an object that is not const itself, as give_back() wants it.
    std::shared_ptr<const PublishHead> copy_of(const PublishHead& head) {
        if (!last_ || last_->method != head.method || last_->header != head.header) {
            auto copy = take_spare();
            *copy = head;
            last_ = std::move(copy);
        }
        return last_;
    }

    void give_back(std::shared_ptr<const PublishHead> head) {
        if (head.use_count() == 1 && head->header.capacity() <= longest) {
            spare_.push_back(std::const_pointer_cast<PublishHead>(std::move(head)));
        }
    }

private:
    static constexpr std::size_t longest = 1024;  ///< bytes of a header whose memory is kept

    std::shared_ptr<PublishHead> take_spare() {
        if (spare_.empty()) {
            return std::make_shared<PublishHead>();
        }
        auto spare = std::move(spare_.back());
        spare_.pop_back();
        return spare;
    }

    std::shared_ptr<const PublishHead> last_;
    std::vector<std::shared_ptr<PublishHead>> spare_;
};

}  // namespace rabbit
