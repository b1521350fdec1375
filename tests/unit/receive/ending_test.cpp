#include "ending.hpp"

#include <gtest/gtest.h>

namespace receiving {
namespace {

using cli::ExitCode;

constexpr auto by_sigterm = ExitCode::terminated;

struct Case {
    const char* name;
    Ending ending;
    bool count, timeout, idle, drain;
    Tally tally;
    ExitCode code;
    const char* text;
};

Options options_of(const Case& each) {
    Options options;
    if (each.count) {
        options.count = 3;
    }
    if (each.timeout) {
        options.timeout = cli::Seconds(1);
    }
    if (each.idle) {
        options.idle = cli::Seconds(1);
    }
    options.drain = each.drain;
    return options;
}

class EndingTest : public testing::TestWithParam<Case> {};

TEST_P(EndingTest, HasItsExitCodeAndItsWords) {
    const auto& each = GetParam();
    EXPECT_EQ(exit_code(each.ending, options_of(each), each.tally, by_sigterm), each.code);
    EXPECT_EQ(shortfall(each.ending, options_of(each), each.tally), each.text);
}

constexpr bool yes = true, no = false;
constexpr auto none_came = "0 of 3 messages came before the time was up";
constexpr auto some_came = "1 of 3 messages came before the time was up";
constexpr auto not_empty = "the queue was not empty when the time was up";
constexpr auto failed = "COMMAND failed: 1 messages were rejected, 0 were sent back";
constexpr auto sent_back = "COMMAND failed: 0 messages were rejected, 2 were sent back";

INSTANTIATE_TEST_SUITE_P(
    Endings, EndingTest,
    testing::Values(
        //                                                  count timeout idle drain  taken, rejected, sent back
        Case{"Count", Ending::counted, yes, yes, yes, yes, {3, 0, 0}, ExitCode::done, ""},
        Case{"CountWithRejected", Ending::counted, yes, no, no, no, {3, 1, 0}, ExitCode::failed, failed},
        Case{"CountWithSentBack", Ending::counted, yes, no, no, no, {3, 0, 2}, ExitCode::done, ""},
        Case{"CountAndTimeNone", Ending::out_of_time, yes, yes, no, no, {0, 0, 0}, ExitCode::nothing_came, none_came},
        Case{"CountAndTimeSome", Ending::out_of_time, yes, no, yes, no, {1, 0, 0}, ExitCode::too_few_came, some_came},
        Case{"CountAndDrainNone",
             Ending::drained,
             yes,
             no,
             no,
             yes,
             {0, 0, 0},
             ExitCode::nothing_came,
             "0 of 3 messages came before the queue was empty"},
        Case{"CountDrainAndTime", Ending::out_of_time, yes, yes, no, yes, {1, 0, 0}, ExitCode::too_few_came, some_came},
        Case{"Timeout", Ending::out_of_time, no, yes, no, no, {5, 0, 0}, ExitCode::done, ""},
        Case{"TimeoutOfNothing", Ending::out_of_time, no, yes, no, no, {0, 0, 0}, ExitCode::done, ""},
        Case{"TimeoutWithRejected", Ending::out_of_time, no, yes, no, no, {5, 1, 0}, ExitCode::failed, failed},
        Case{"Idle", Ending::out_of_time, no, no, yes, no, {5, 0, 0}, ExitCode::done, ""},
        Case{"IdleWithSentBack", Ending::out_of_time, no, no, yes, no, {5, 0, 2}, ExitCode::failed, sent_back},
        Case{"Drain", Ending::drained, no, yes, yes, yes, {5, 0, 0}, ExitCode::done, ""},
        Case{"DrainAndTime", Ending::out_of_time, no, yes, no, yes, {5, 0, 0}, ExitCode::timeout, not_empty},
        Case{"DrainAndIdle", Ending::out_of_time, no, no, yes, yes, {0, 0, 0}, ExitCode::timeout, not_empty},
        Case{"DrainWithRejected", Ending::drained, no, no, no, yes, {5, 1, 0}, ExitCode::failed, failed},
        Case{"DrainWithSentBack", Ending::drained, no, no, no, yes, {5, 0, 2}, ExitCode::failed, sent_back},
        Case{"CommandFailed", Ending::command_failed, yes, yes, yes, yes, {0, 0, 0}, ExitCode::failed, ""},
        Case{"SignalOnAWatch", Ending::interrupted, no, no, no, no, {5, 0, 0}, ExitCode::done, ""},
        Case{"SignalOnAWorker", Ending::interrupted, no, no, no, no, {5, 1, 2}, ExitCode::done, ""},
        Case{"SignalBeforeCount", Ending::interrupted, yes, no, no, no, {1, 0, 0}, by_sigterm, ""},
        Case{"SignalBeforeTimeout", Ending::interrupted, no, yes, no, no, {1, 0, 0}, by_sigterm, ""},
        Case{"SignalBeforeIdle", Ending::interrupted, no, no, yes, no, {1, 0, 0}, by_sigterm, ""},
        Case{"SignalBeforeDrain", Ending::interrupted, no, no, no, yes, {1, 0, 0}, by_sigterm, ""}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace receiving
