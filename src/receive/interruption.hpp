#pragma once

#include "rabbit/error.hpp"

namespace receiving {

/// Whether a signal has asked for the end while something was being finished.
class Interruption {
public:
    /// Calls `wait`, and again if a signal ends it: what is being done for a message is finished first.
    template <class Wait>
    auto outlast(Wait wait) {
        for (;;) {
            try {
                return wait();
            } catch (const rabbit::Error& error) {
                if (error.kind() != rabbit::ErrorKind::interrupted) {
                    throw;
                }
                pending_ = true;
            }
        }
    }

    /// Calls `act` once; a signal that ends it is noted.
    template <class Act>
    void note(Act act) {
        try {
            act();
        } catch (const rabbit::Error& error) {
            if (error.kind() != rabbit::ErrorKind::interrupted) {
                throw;
            }
            pending_ = true;
        }
    }

    /// A signal has come.
    void set() noexcept { pending_ = true; }

    [[nodiscard]] bool pending() const noexcept { return pending_; }

private:
    bool pending_ = false;
};

}  // namespace receiving
