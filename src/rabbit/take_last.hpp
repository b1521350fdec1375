#pragma once

#include <utility>
#include <vector>

namespace rabbit {

/// Takes the last element out; T() if there is none.
template <class T>
T take_last(std::vector<T>& from) {
    T last{};
    if (!from.empty()) {
        last = std::move(from.back());
        from.pop_back();
    }
    return last;
}

}  // namespace rabbit
