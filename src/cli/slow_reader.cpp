#include "slow_reader.hpp"

#include "failure.hpp"

#include <algorithm>
#include <chrono>

#include <poll.h>

namespace cli {

void wait_for_reader(rabbit::Connection& connection, int descriptor, rabbit::Deadline deadline) {
    pollfd output{descriptor, POLLOUT, 0};
    if (connection.wait_without_reading(deadline, {&output, 1}) == rabbit::WaitResult::deadline) {
        throw Failure(ExitCode::bad_output,
                      "cannot write to standard output: its reader had stopped when the time was up");
    }
}

rabbit::Deadline with_patience(rabbit::Deadline ends_at) {
    constexpr std::chrono::seconds patience{2};
    return ends_at ? rabbit::Deadline(std::max(*ends_at, rabbit::Clock::now() + patience)) : rabbit::Deadline();
}

}  // namespace cli
