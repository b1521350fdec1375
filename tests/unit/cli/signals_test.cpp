#include "signals.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

#include <poll.h>
#include <unistd.h>

namespace {

// Each in a process of its own, whose status tells: signal dispositions are the whole process's.

bool readable(int fd) {
    pollfd polled{fd, POLLIN, 0};
    return poll(&polled, 1, 0) > 0;
}

[[noreturn]] void end(bool well) {
    _exit(well ? 0 : 1);
}

const auto well = testing::ExitedWithCode(0);

void start_with_default_signals() {
    for (const int each : {SIGINT, SIGTERM, SIGPIPE}) {
        std::signal(each, SIG_DFL);
    }
}

TEST(SignalsDeathTest, AreNotReportedBeforeTheyCome) {
    EXPECT_EXIT({
        start_with_default_signals();
        const cli::Signals signals;
        end(!readable(signals.descriptor()));
    }, well, "");
}

TEST(SignalsDeathTest, AnInterruptIsReadableAndGives130) {
    EXPECT_EXIT({
        start_with_default_signals();
        const cli::Signals signals;
        std::raise(SIGINT);
        end(readable(signals.descriptor()) && cli::Signals::exit_code() == cli::ExitCode::interrupted);
    }, well, "");
}

TEST(SignalsDeathTest, ATerminationIsReadableAndGives143) {
    EXPECT_EXIT({
        start_with_default_signals();
        const cli::Signals signals;
        std::raise(SIGTERM);
        end(readable(signals.descriptor()) && cli::Signals::exit_code() == cli::ExitCode::terminated);
    }, well, "");
}

TEST(SignalsDeathTest, TheSecondInterruptEndsTheProcess) {
    EXPECT_EXIT({
        start_with_default_signals();
        const cli::Signals signals;
        std::raise(SIGINT);
        std::raise(SIGINT);
        end(false);
    }, testing::KilledBySignal(SIGINT), "");
}

TEST(SignalsDeathTest, ATerminationAfterAnInterruptEndsTheProcess) {
    EXPECT_EXIT({
        start_with_default_signals();
        const cli::Signals signals;
        std::raise(SIGINT);
        std::raise(SIGTERM);
        end(false);
    }, testing::KilledBySignal(SIGTERM), "");
}

TEST(SignalsDeathTest, AnIgnoredOneStaysIgnored) {
    EXPECT_EXIT({
        start_with_default_signals();
        std::signal(SIGINT, SIG_IGN);
        const cli::Signals signals;
        std::raise(SIGINT);
        end(!readable(signals.descriptor()));
    }, well, "");
}

TEST(SignalsDeathTest, AnIgnoredOneStaysIgnoredAfterAnother) {
    EXPECT_EXIT({
        start_with_default_signals();
        std::signal(SIGINT, SIG_IGN);
        const cli::Signals signals;
        std::raise(SIGTERM);
        std::raise(SIGINT);
        end(cli::Signals::exit_code() == cli::ExitCode::terminated);
    }, well, "");
}

TEST(SignalsDeathTest, AWriteToAClosedPipeDoesNotEndTheProcess) {
    EXPECT_EXIT({
        start_with_default_signals();
        const cli::Signals signals;
        std::raise(SIGPIPE);
        end(!readable(signals.descriptor()));
    }, well, "");
}

TEST(SignalsDeathTest, AreTheSystemsAgainAfterwards) {
    EXPECT_EXIT({
        start_with_default_signals();
        { const cli::Signals signals; }
        std::raise(SIGTERM);
        end(false);
    }, testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
