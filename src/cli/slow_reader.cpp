#include "slow_reader.hpp"

#include "failure.hpp"

#include <poll.h>

namespace cli {

void wait_for_reader(rabbit::Connection& connection, int descriptor, rabbit::Deadline deadline) {
    pollfd output{descriptor, POLLOUT, 0};
    if (connection.wait_without_reading(deadline, {&output, 1}) == rabbit::WaitResult::deadline) {
        throw Failure(ExitCode::bad_output,
                      "cannot write to standard output: its reader had stopped when the time was up");
    }
}

}  // namespace cli
