#pragma once

#include "net/interrupt.hpp"
#include "rabbit/deadline.hpp"

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

}  // namespace rabbit
