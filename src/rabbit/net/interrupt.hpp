#pragma once

#include "rabbit/error.hpp"

#include <string_view>

namespace rabbit {

/// A descriptor whose readiness ends waits, once: the wait throws, and those after it go on without the descriptor, so
/// that the caller can finish in order.
class Interrupt {
public:
    explicit Interrupt(int fd = -1) noexcept : fd_(fd) {}
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;

    /// What poll(2) is to watch; -1: nothing.
    [[nodiscard]] int fd() const noexcept { return reported_ || held_ ? -1 : fd_; }

    /// It has ended a wait.
    [[nodiscard]] bool reported() const noexcept { return reported_; }

    /// Throws an Error of kind `interrupted`.
    [[noreturn]] void report(std::string_view operation) {
        reported_ = true;
        throw Error(ErrorKind::interrupted, operation, "interrupted");
    }

    /// While it lives, no wait is ended.
    class Hold {
    public:
        explicit Hold(Interrupt& interrupt) noexcept : interrupt_(interrupt), outer_(interrupt.held_) {
            interrupt.held_ = true;
        }
        ~Hold() { interrupt_.held_ = outer_; }
        Hold(const Hold&) = delete;
        Hold& operator=(const Hold&) = delete;

    private:
        Interrupt& interrupt_;
        bool outer_;
    };

private:
    int fd_;
    bool reported_ = false;
    bool held_ = false;
};

}  // namespace rabbit
