#include "say.hpp"

#include "output.hpp"

#include <cerrno>
#include <chrono>

#include <poll.h>
#include <unistd.h>

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;

/// Once its reader has let a text go by, the next ones are not waited for: nobody would keep the heartbeats meanwhile.
bool reader_pauses = false;

void wait_until(Clock::time_point give_up_at, int descriptor) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(give_up_at - Clock::now());
    pollfd writable{descriptor, POLLOUT, 0};
    reader_pauses = left.count() <= 0 || poll(&writable, 1, static_cast<int>(left.count())) == 0;
    if (reader_pauses) {
        throw OutputError(EAGAIN);
    }
}

}  // namespace

void say_text(std::string_view text) {
    const auto give_up_at = Clock::now() + std::chrono::seconds(reader_pauses ? 0 : 1);
    Output output(STDERR_FILENO, [give_up_at](int descriptor) { wait_until(give_up_at, descriptor); });
    try {
        output.write(text);
        output.flush();
        reader_pauses = false;
    } catch (const OutputError&) {
        // There is no other place to say so.
    }
}

}  // namespace cli
