#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rabbit {

/// The memory of strings that nobody needs any more, for others like them. Thousands of messages are in flight at a time,
/// and malloc is slow where so many blocks come and go.
class SpareStrings {
public:
    /// Bytes. Longer strings are not kept.
    static constexpr std::size_t longest = 1024;

    std::string copy_of(std::string_view text) {
        std::string copy;
        if (!spare_.empty()) {
            copy = std::move(spare_.back());
            spare_.pop_back();
        }
        copy.assign(text);
        return copy;
    }

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
