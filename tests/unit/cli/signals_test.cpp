#include "signals.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include <poll.h>
#include <unistd.h>

namespace {

// Each in a process of its own, whose status tells: signal dispositions are the whole process's.

bool readable(int fd) {
    pollfd polled{fd, POLLIN, 0};
    return poll(&polled, 1, 0) > 0;
}

bool becomes_readable(int fd) {
    pollfd polled{fd, POLLIN, 0};
    while (poll(&polled, 1, 10'000) < 0) {  // the signal ends one call
    }
    return (polled.revents & POLLIN) != 0;
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
    EXPECT_EXIT(
        {
            start_with_default_signals();
            const cli::Signals signals;
            end(!readable(signals.descriptor()));
        },
        well, "");
}

TEST(SignalsDeathTest, AnInterruptIsReadableAndGives130) {
    EXPECT_EXIT(
        {
            start_with_default_signals();
            const cli::Signals signals;
            std::raise(SIGINT);
            end(readable(signals.descriptor()) && cli::exit_code_of_signal() == cli::ExitCode::interrupted);
        },
        well, "");
}

TEST(SignalsDeathTest, ATerminationIsReadableAndGives143) {
    EXPECT_EXIT(
        {
            start_with_default_signals();
            const cli::Signals signals;
            std::raise(SIGTERM);
            end(readable(signals.descriptor()) && cli::exit_code_of_signal() == cli::ExitCode::terminated);
        },
        well, "");
}

TEST(SignalsDeathTest, TheFirstIsKnownAfterwardsToo) {
    EXPECT_EXIT(
        {
            start_with_default_signals();
            {
                const cli::Signals signals;
                if (cli::first_signal()) {
                    end(false);
                }
                std::raise(SIGTERM);
            }
            end(cli::first_signal() == SIGTERM && cli::first_signal() == SIGTERM);
        },
        well, "");
}

TEST(SignalsDeathTest, NewOnesStartWithNoSignal) {
    EXPECT_EXIT(
        {
            start_with_default_signals();
            {
                const cli::Signals signals;
                std::raise(SIGTERM);
            }
            const cli::Signals signals;
            const bool none = !readable(signals.descriptor()) && !cli::first_signal();
            std::raise(SIGINT);
            end(none && readable(signals.descriptor()) && cli::first_signal() == SIGINT);
        },
        well, "");
}

TEST(SignalsDeathTest, AreReportedToAWaitThatIsUnderWay) {
    EXPECT_EXIT(
        {
            start_with_default_signals();
            const cli::Signals signals;
            std::thread([parent = getpid()] { kill(parent, SIGTERM); }).detach();
            end(becomes_readable(signals.descriptor()) && cli::first_signal() == SIGTERM);
        },
        well, "");
}

TEST(SignalsDeathTest, TheSecondInterruptEndsTheProcess) {
    EXPECT_EXIT(
        {
            start_with_default_signals();
            const cli::Signals signals;
            std::raise(SIGINT);
            std::raise(SIGINT);
            end(false);
        },
        testing::KilledBySignal(SIGINT), "");
}

TEST(SignalsDeathTest, ATerminationAfterAnInterruptEndsTheProcess) {
    EXPECT_EXIT(
        {
            start_with_default_signals();
            const cli::Signals signals;
            std::raise(SIGINT);
            std::raise(SIGTERM);
            end(false);
        },
        testing::KilledBySignal(SIGTERM), "");
}

TEST(SignalsDeathTest, AnIgnoredOneStaysIgnored) {
    EXPECT_EXIT(
        {
            start_with_default_signals();
            std::signal(SIGINT, SIG_IGN);
            const cli::Signals signals;
            std::raise(SIGINT);
            end(!readable(signals.descriptor()));
        },
        well, "");
}

TEST(SignalsDeathTest, AnIgnoredOneStaysIgnoredAfterAnother) {
    EXPECT_EXIT(
        {
            start_with_default_signals();
            std::signal(SIGINT, SIG_IGN);
            const cli::Signals signals;
            std::raise(SIGTERM);
            std::raise(SIGINT);
            end(cli::exit_code_of_signal() == cli::ExitCode::terminated);
        },
        well, "");
}

TEST(SignalsDeathTest, AWriteToAClosedPipeDoesNotEndTheProcess) {
    EXPECT_EXIT(
        {
            start_with_default_signals();
            const cli::Signals signals;
            std::raise(SIGPIPE);
            end(!readable(signals.descriptor()));
        },
        well, "");
}

TEST(SignalsDeathTest, AreTheSystemsAgainAfterwards) {
    EXPECT_EXIT(
        {
            start_with_default_signals();
            { const cli::Signals signals; }
            std::raise(SIGTERM);
            end(false);
        },
        testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
