#pragma once

#include "net/interrupt.hpp"
#include "rabbit/deadline.hpp"

#include <cstddef>
#include <span>
#include <string_view>

#include <poll.h>

namespace rabbit {

struct Readiness {
    short events = 0;  ///< poll(2)'s revents of the descriptor waited for
    bool watched = false;
};

/// The one wait of the library: until `fd` (-1: none) is ready for `events`, a watched descriptor is ready (its
/// `revents` say how), a signal has been handled, or the deadline has passed. Throws an Error of kind `interrupted`, or
/// `lost` if the system cannot wait; `operation` says what was being done.
Readiness wait_ready(int fd, short events, Deadline deadline, Interrupt& interrupt, std::string_view operation,
                     std::span<pollfd> watched = {});

/// While it lives, poll(2) shows a socket as readable from so many bytes on, or at its end (SO_RCVLOWAT, socket(7)).
class LowWaterMark {
public:
    LowWaterMark(int fd, std::size_t bytes) noexcept;
    ~LowWaterMark();
    LowWaterMark(const LowWaterMark&) = delete;
    LowWaterMark& operator=(const LowWaterMark&) = delete;

private:
    int fd_;
};

}  // namespace rabbit
