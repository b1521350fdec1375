#include "slow_reader.hpp"

#include "output.hpp"

#include <cerrno>

#include <poll.h>

namespace cli {

void wait_for_reader(rabbit::Connection& connection, int descriptor, rabbit::Deadline deadline) {
    pollfd output{descriptor, POLLOUT, 0};
    if (connection.wait_without_reading(deadline, {&output, 1}) == rabbit::WaitResult::deadline) {
        throw OutputError(EAGAIN);
    }
}

}  // namespace cli
