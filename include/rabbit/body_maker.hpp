#pragma once

#include "rabbit/body.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace rabbit {

/// Makes bodies of bytes. Short ones are copied, many into one block of memory: thousands of messages are in flight at a
/// time, and malloc is slow where so many pieces come and go.
class BodyMaker {
public:
    Body copy(std::string_view bytes) {
        return bytes.size() > longest_short ? Body(std::string(bytes)) : copy_short(bytes);
    }

    Body take(std::string bytes) { return bytes.size() > longest_short ? Body(std::move(bytes)) : copy_short(bytes); }

private:
    static constexpr std::size_t longest_short = 4096;
    static constexpr std::size_t block_size = 16 * longest_short;

    Body copy_short(std::string_view bytes) {
        if (room_.size() < bytes.size()) {
            block_ = std::make_shared_for_overwrite<char[]>(block_size);
            room_ = {block_.get(), block_size};
        }
        const auto copy = room_.first(bytes.copy(room_.data(), bytes.size()));
        room_ = room_.subspan(copy.size());
        return {{copy.data(), copy.size()}, block_};
    }

    std::shared_ptr<char[]> block_;
    std::span<char> room_;  ///< left in it
};

}  // namespace rabbit
