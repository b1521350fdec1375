#pragma once

#include "rabbit/deadline.hpp"

namespace rabbit {

/// Something else that has to be looked after while a connection waits, such as a second connection.
class Companion {
public:
    virtual ~Companion() = default;

    /// Readable when there is something to do.
    [[nodiscard]] virtual int descriptor() const = 0;
    /// When there is something to do even if the descriptor is not readable.
    [[nodiscard]] virtual Deadline due() const = 0;
    /// Does it, without waiting. What it throws comes out of the function that waits.
    virtual void tend() = 0;
};

}  // namespace rabbit
