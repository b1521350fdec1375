#include "retry.hpp"

#include <algorithm>
#include <random>

namespace rabbit {

using std::chrono::milliseconds;

bool Retry::lost_at_once() const {
    constexpr auto at_once = std::chrono::seconds(1);
    return opened_at_ && Clock::now() - *opened_at_ < at_once;
}

milliseconds Retry::begin(Deadline deadline) {
    if (lost_at_once()) {
        const bool before = pauses_ > 0;
        const auto pause = next_pause().value_or(milliseconds(0));
        return before ? pause : milliseconds(0);
    }
    pauses_ = 0;
    give_up_at_ = *earlier(Clock::now() + retry_for_, deadline);
    return milliseconds(0);
}

std::optional<milliseconds> Retry::next_pause() {
    constexpr milliseconds::rep shortest = 100;
    const auto left = std::chrono::ceil<milliseconds>(give_up_at_ - Clock::now());
    if (left.count() <= 0) {
        return std::nullopt;
    }
    const auto around = std::min(shortest << std::min(pauses_++, 10), longest_pause_.count());
    std::random_device random;  // made here, since most connections need no pause
    return std::min(left, milliseconds(std::uniform_int_distribution(around / 2, around * 3 / 2)(random)));
}

bool Retry::allowed() const {
    return retry_for_.count() > 0 && (!lost_at_once() || Clock::now() < give_up_at_);
}

}  // namespace rabbit
