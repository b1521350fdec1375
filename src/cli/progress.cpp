#include "progress.hpp"

#include "say.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>

namespace cli {
namespace {

std::string in_words(double seconds) {
    const auto whole = std::lround(seconds);
    return whole < 60     ? fmt::format("{} s", whole)
           : whole < 3600 ? fmt::format("{} min {} s", whole / 60, whole % 60)
                          : fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace

double Progress::elapsed() const {
    return std::max(rabbit::in_seconds(rabbit::Clock::now() - begun_), 1e-3);
}

void Progress::show(std::string_view text, std::optional<double> share) {
    due_ = rabbit::Clock::now() + interval;
    is_there_ = true;
    std::string rest;
    if (share) {
        const auto done = std::clamp(*share, 0.0, 1.0);
        rest = fmt::format(", {:.0f}%", 100 * done);
        constexpr double enough = 0.001;  // to say how long the rest will take
        if (done >= enough && done < 1) {
            rest += fmt::format(", {} left", in_words(elapsed() * (1 - done) / done));
        }
    }
    say("\r\033[K{}{}", text, rest);
    std::fflush(stderr);
}

void Progress::clear() {
    if (std::exchange(is_there_, false)) {
        say("\r\033[K");
    }
}

}  // namespace cli
