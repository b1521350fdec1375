#include "progress.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

std::string line_shown(std::optional<double> share) {
    cli::Progress progress(true);
    testing::internal::CaptureStderr();
    progress.show("x", share);
    return testing::internal::GetCapturedStderr();
}

TEST(Progress, ShowsTheShareAndTheTimeLeft) {
    EXPECT_EQ(line_shown({}), "\r\033[Kx");
    EXPECT_EQ(line_shown(0), "\r\033[Kx, 0%");
    EXPECT_EQ(line_shown(0.5), "\r\033[Kx, 50%, 0 s left");
    EXPECT_EQ(line_shown(1), "\r\033[Kx, 100%");
    EXPECT_EQ(line_shown(7), "\r\033[Kx, 100%") << "more came than were expected";
}

TEST(Progress, IsDueAfterAnInterval) {
    cli::Progress progress(true);
    EXPECT_FALSE(progress.is_due()) << "what takes a moment only is not worth a line";
    EXPECT_GT(progress.due(), rabbit::Clock::now());
    testing::internal::CaptureStderr();
    progress.show("x", {});
    EXPECT_FALSE(progress.is_due());
    EXPECT_GT(progress.due(), rabbit::Clock::now());
    progress.clear();
    progress.clear();
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "\r\033[Kx\r\033[K") << "cleared once";
}

TEST(Progress, IsNeverDueIfItIsNotShown) {
    cli::Progress progress(false);
    EXPECT_FALSE(progress.is_due());
    EXPECT_FALSE(progress.due());
}

}  // namespace
