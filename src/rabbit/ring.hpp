#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace rabbit {

/// A queue in one piece of memory, which the processor can prefetch. std::deque has a piece for every few elements. An
/// element moves when the ring grows.
template <class T>
class Ring {
public:
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    T& operator[](std::size_t index) { return slots_[slot(index)]; }
    const T& operator[](std::size_t index) const { return slots_[slot(index)]; }
    T& front() { return (*this)[0]; }
    [[nodiscard]] const T& front() const { return (*this)[0]; }
    T& back() { return (*this)[size_ - 1]; }

    void push_back(T&& element) { emplace_back() = std::move(element); }
    /// An element made by T().
    T& emplace_back() {
        if (size_ == slots_.size()) {
            grow();
        }
        ++size_;
        return back();
    }
    /// Not by assignment: a string would keep its memory.
    void pop_front() {
        std::destroy_at(&front());
        std::construct_at(&front());
        first_ = slot(1);
        --size_;
    }

private:
    [[nodiscard]] std::size_t slot(std::size_t index) const noexcept {
        const auto at = first_ + index;
        return at < slots_.size() ? at : at - slots_.size();
    }

    void grow() {
        constexpr std::size_t least = 16;
        std::vector<T> larger(std::max(least, size_ + size_ / 2));
        for (std::size_t i = 0; i < size_; ++i) {
            larger[i] = std::move((*this)[i]);
        }
        slots_ = std::move(larger);
        first_ = 0;
    }

    std::vector<T> slots_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

}  // namespace rabbit
