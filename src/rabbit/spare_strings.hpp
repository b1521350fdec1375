#pragma once

#include "take_last.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace rabbit {

/// Strings that nobody needs any more, for their memory. Thousands of messages are in flight at a time, and malloc is slow
/// where so many blocks come and go.
class SpareStrings {
public:
    /// Bytes. Longer strings are not kept.
    static constexpr std::size_t longest = 1024;

    /// The last one kept; if there is none, a string without memory.
    std::string take() { return take_last(spare_); }

    void keep(std::string&& text) {
        if (has_memory(text)) {
            spare_.push_back(std::move(text));
        }
    }

    /// Whether it is worth keeping: it has memory of its own, and not too much.
    static bool has_memory(const std::string& text) {
        return text.capacity() > std::string().capacity() && text.capacity() <= longest;
    }

private:
    std::vector<std::string> spare_;
};

}  // namespace rabbit
