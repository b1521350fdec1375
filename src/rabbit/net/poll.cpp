#include "net/poll.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <sys/socket.h>

namespace rabbit {
namespace {

/// What poll(2) takes for the time until a deadline: rounded up, -1 for ever.
int poll_timeout(Deadline deadline) {
    if (!deadline) {
        return -1;
    }
    constexpr std::chrono::milliseconds::rep an_hour = 3'600'000;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count();
    return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left, 0, an_hour));
}

/// Where it fails, the mark is one byte as it was, and a wait ends earlier.
void set_low_water_mark(int fd, std::size_t bytes) noexcept {
    const auto value = static_cast<int>(bytes);
    setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value);
}

}  // namespace

Readiness wait_ready(int fd, short events, Deadline deadline, Interrupt& interrupt, std::string_view operation,
                     std::span<pollfd> watched) {
    std::vector<pollfd> polled{{fd, events, 0}, {interrupt.fd(), POLLIN, 0}};
    polled.insert(polled.end(), watched.begin(), watched.end());
    const int count = poll(polled.data(), polled.size(), poll_timeout(deadline));
    if (count < 0) {
        if (errno != EINTR) {
            throw Error(ErrorKind::lost, operation, std::strerror(errno));
        }
        std::for_each(polled.begin(), polled.end(), [](pollfd& each) { each.revents = 0; });
    }
    if (polled[1].revents != 0) {
        interrupt.report(operation);
    }
    Readiness ready{.events = polled[0].revents};
    for (std::size_t i = 0; i < watched.size(); ++i) {
        watched[i].revents = polled[i + 2].revents;
        ready.watched |= watched[i].revents != 0;
    }
    return ready;
}

LowWaterMark::LowWaterMark(int fd, std::size_t bytes) noexcept : fd_(fd) {
    set_low_water_mark(fd_, bytes);
}

LowWaterMark::~LowWaterMark() {
    set_low_water_mark(fd_, 1);
}

}  // namespace rabbit
