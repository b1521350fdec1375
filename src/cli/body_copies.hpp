#pragma once

#include "rabbit/body.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace cli {

/// Copies bytes into bodies. Short ones lie many in one block of memory: thousands of messages are in flight at a time, and
/// malloc is slow where so many pieces come and go.
class BodyCopies {
public:
    rabbit::Body copy_of(std::string_view bytes) {
        constexpr std::size_t longest = 4096;
        constexpr std::size_t block_size = 16 * longest;
        if (bytes.size() > longest) {
            return rabbit::Body(std::string(bytes));
        }
        if (room_.size() < bytes.size()) {
            block_ = std::make_shared_for_overwrite<char[]>(block_size);
            room_ = {block_.get(), block_size};
        }
        std::ranges::copy(bytes, room_.begin());
        const std::string_view copy(room_.data(), bytes.size());
        room_ = room_.subspan(bytes.size());
        return {copy, block_};
    }

private:
    std::shared_ptr<char[]> block_;
    std::span<char> room_;  ///< left in it
};

}  // namespace cli
