#include "report.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace {

using rabbit::Outcome;
using sending::Report;

class ReportTest : public testing::Test {
protected:
    static std::array<int, 2> pipe() {
        std::array<int, 2> ends{-1, -1};
        EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
        return ends;
    }

    ~ReportTest() override {
        close(ends_[0]);
        close(ends_[1]);
    }

    static void settle(Report& report, std::uint64_t number, Outcome outcome, const std::string& body = "x") {
        const rabbit::Address address{"e", "k"};
        const std::string text = outcome == Outcome::returned ? "NO_ROUTE" : "";
        report.settled({number, outcome, outcome == Outcome::returned ? 312 : 0, text, address, body, ""});
    }

    std::string shown() {
        output_.flush();
        std::string text(65536, '\0');
        const auto size = read(ends_[0], text.data(), text.size());
        text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        return text;
    }

    /// What resume_point() says.
    static std::string resume_point(const Report& report, std::uint64_t first_unsettled) {
        testing::internal::CaptureStderr();
        report.resume_point(first_unsettled);
        return testing::internal::GetCapturedStderr();
    }

    std::array<int, 2> ends_ = pipe();
    cli::Output output_{ends_[1]};
};

constexpr auto ended = "send: ended early; the first record not known to be confirmed is number ";

TEST_F(ReportTest, EachConfirmedMessageHasALine) {
    Report report({.program = "send"}, output_);
    settle(report, 1, Outcome::confirmed, "it's\n");
    EXPECT_EQ(shown(), " [x] Sent \"it's\\n\"\n");
    EXPECT_EQ(report.exit_code(), cli::ExitCode::done);
}

TEST_F(ReportTest, ALongBodyIsCutBetweenCharacters) {
    Report report({.program = "send"}, output_);
    settle(report, 1, Outcome::confirmed, std::string(1023, 'x') + "\u00e9 and more");
    EXPECT_EQ(shown(), " [x] Sent '" + std::string(1023, 'x') + "'... (1034 bytes)\n");
}

TEST_F(ReportTest, ARejectedMessageHasALineOnStandardError) {
    Report report({.program = "send", .stream = true}, output_);
    testing::internal::CaptureStderr();
    settle(report, 7, Outcome::returned);
    settle(report, 8, Outcome::nacked);
    EXPECT_EQ(testing::internal::GetCapturedStderr(),
              "send: record 7 returned: 312 NO_ROUTE (exchange 'e', routing key 'k')\n"
              "send: record 8 nacked: the broker did not take it (exchange 'e', routing key 'k')\n");
    EXPECT_EQ(report.exit_code(), cli::ExitCode::rejected);
}

TEST_F(ReportTest, TheResumePointIsTheFirstUnsettledRecord) {
    const Report report({.program = "send"}, output_);
    EXPECT_EQ(resume_point(report, 5), std::string(ended) + "5\n");
}

TEST_F(ReportTest, RejectedRecordsThatWereNamedAreBehindTheResumePoint) {
    Report report({.program = "send", .stream = true}, output_);
    testing::internal::CaptureStderr();
    for (std::uint64_t number = 1; number <= 20; ++number) {
        settle(report, number, Outcome::nacked);
    }
    testing::internal::GetCapturedStderr();
    EXPECT_EQ(resume_point(report, 21), std::string(ended) + "21, not counting those named above\n");
}

TEST_F(ReportTest, RejectedRecordsThatWereNotNamedAreNotBehindIt) {
    Report report({.program = "send", .stream = true}, output_);
    testing::internal::CaptureStderr();
    for (std::uint64_t number = 1; number <= 20; ++number) {
        settle(report, number, Outcome::nacked);
    }
    settle(report, 30, Outcome::nacked);
    settle(report, 25, Outcome::returned);
    EXPECT_EQ(testing::internal::GetCapturedStderr().find("record 25"), std::string::npos);
    EXPECT_EQ(resume_point(report, 40), std::string(ended) + "25, not counting those named above\n");
    EXPECT_EQ(resume_point(report, 24), std::string(ended) + "24, not counting those named above\n");
}

TEST_F(ReportTest, TheResumePointCountsTheCopiesOfARecord) {
    const Report report({.program = "send", .repeat = 10}, output_);
    EXPECT_EQ(resume_point(report, 11), std::string(ended) + "2\n");
    EXPECT_EQ(resume_point(report, 14),
              std::string(ended) + "2 (3 of its 10 copies are sent; --repeat 7 sends the rest)\n");
}

}  // namespace
