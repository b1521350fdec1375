#include "job.hpp"

#include "failure.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <poll.h>

namespace {

/// Runs a job to its end.
receiving::CommandStatus run_job(const std::vector<std::string>& command, const rabbit::Delivery& delivery = {},
                                 const receiving::JobOptions& options = {}) {
    receiving::Job job(command, delivery, options);
    while (!job.ended()) {
        pollfd watched[receiving::Job::descriptors];
        job.watch(watched);
        poll(watched, receiving::Job::descriptors, job.due() ? 10 : 20'000);
        job.attend(watched);
    }
    return job.status();
}

receiving::CommandStatus run(const std::string& script, const rabbit::Delivery& delivery = {},
                             const receiving::JobOptions& options = {}) {
    return run_job({"/bin/sh", "-c", script}, delivery, options);
}

rabbit::Delivery with_properties(rabbit::Properties properties) {
    rabbit::Delivery delivery;
    delivery.message.properties = std::make_shared<const rabbit::Properties>(std::move(properties));
    return delivery;
}

TEST(Job, TellsTheExitStatus) {
    EXPECT_TRUE(run("exit 0").succeeded());
    const auto status = run("exit 3");
    EXPECT_FALSE(status.succeeded());
    EXPECT_EQ(status.text(), "exited with status 3");
}

TEST(Job, TellsTheSignal) {
    const auto status = run("kill -KILL $$");
    EXPECT_FALSE(status.succeeded());
    EXPECT_EQ(status.text(), "was killed by signal 9 (Killed)");
}

TEST(Job, TellsTheExitStatusToAProcessThatIgnoresItsChildren) {
    const auto previous = std::signal(SIGCHLD, SIG_IGN);
    const auto status = run("exit 3");
    std::signal(SIGCHLD, previous);
    EXPECT_EQ(status.exit_status, 3);
}

TEST(Job, GivesEveryPropertyInTheEnvironment) {
    rabbit::Properties properties;
    properties.cluster_id = "c";
    properties.priority = 7;
    properties.headers = rabbit::Table{{"k", {"v"}}};
    auto delivery = with_properties(properties);
    delivery.address = {.exchange = "e", .routing_key = "r"};
    delivery.delivery_tag = 5;
    EXPECT_TRUE(run(R"(test "$AMQP_EXCHANGE$AMQP_ROUTING_KEY$AMQP_DELIVERY_TAG$AMQP_REDELIVERED" = er5false &&
                      test "$AMQP_CLUSTER_ID$AMQP_PRIORITY$AMQP_HEADERS" = 'c7{"k":"v"}' &&
                      test "${AMQP_TYPE-none}" = none)",
                    delivery)
                    .succeeded());
}

TEST(Job, HidesTheVariablesOfAnOuterMessage) {
    setenv("AMQP_CLUSTER_ID", "outer", 1);
    setenv("AMQP_URL", "amqp://outer", 1);
    const auto status = run(R"(test "${AMQP_CLUSTER_ID-none}" = none && test "$AMQP_URL" = amqp://outer)");
    unsetenv("AMQP_CLUSTER_ID");
    unsetenv("AMQP_URL");
    EXPECT_TRUE(status.succeeded());
}

TEST(Job, RefusesAMessageThatNoEnvironmentCanHold) {
    rabbit::Properties properties;
    properties.type = std::string("a\0b", 3);
    const auto status = run("exit 0", with_properties(properties));
    EXPECT_FALSE(status.succeeded());
    EXPECT_EQ(status.text(), "was not run, since AMQP_TYPE holds a NUL byte");
}

TEST(Job, RefusesAMessageThatIsTooLargeForAnEnvironment) {
    rabbit::Properties properties;
    properties.type = "t";
    properties.headers = rabbit::Table{{"h", {std::string(200'000, 'x')}}};
    const auto status = run("exit 0", with_properties(properties));
    EXPECT_FALSE(status.succeeded());
    EXPECT_EQ(status.text(), "was not run, since AMQP_HEADERS is too large for an environment (200008 bytes)");
}

TEST(Job, CapturesTheOutputWhileItFeedsTheBody) {
    rabbit::Delivery delivery;
    delivery.message.body = std::string(1'000'000, 'x');
    const auto status = run("cat; echo end", delivery, {.output = receiving::CommandOutput::captured});
    EXPECT_TRUE(status.succeeded());
    EXPECT_EQ(status.output, delivery.message.body + "end\n");
}

TEST(Job, DoesNotWaitForWhoeverTheCommandLeavesWithItsOutput) {
    const auto status = run("sleep 20 & echo done", {}, {.output = receiving::CommandOutput::captured});
    EXPECT_TRUE(status.succeeded());
    EXPECT_EQ(status.output, "done\n");
}

TEST(Job, ThrowsWhenTheCommandCannotBeRunAtAll) {
    EXPECT_THROW(run_job({"/no/such/command"}), cli::Failure);
}

TEST(Job, EndsWhatRunsForTooLong) {
    const auto status = run("sleep 30", {}, {.timeout = cli::Seconds(0.1)});
    EXPECT_FALSE(status.succeeded());
    EXPECT_EQ(status.text(), "did not end within 0.1 s");
    EXPECT_EQ(status.signal, SIGTERM);
}

TEST(Job, KillsWhatIgnoresTheEnd) {
    const auto status = run("trap '' TERM; while :; do sleep 1; done", {}, {.timeout = cli::Seconds(0.1)});
    EXPECT_EQ(status.signal, SIGKILL);
    EXPECT_FALSE(status.succeeded());
}

TEST(Job, HasFailedAlsoIfItEndsWellAfterItsTime) {
    const auto status = run("trap 'exit 0' TERM; while :; do sleep 0.1; done", {}, {.timeout = cli::Seconds(0.1)});
    EXPECT_EQ(status.exit_status, 0);
    EXPECT_FALSE(status.succeeded());
}

TEST(Job, EndsWhatItHasStartedAsWell) {
    const auto status = run("(trap '' TERM; sleep 30) & echo $!; wait", {},
                            {.output = receiving::CommandOutput::captured, .timeout = cli::Seconds(0.5)});
    const auto pid = std::stoi(status.output);
    const auto until = rabbit::Clock::now() + std::chrono::seconds(10);
    while (kill(pid, 0) == 0 && rabbit::Clock::now() < until) {
        std::ifstream state("/proc/" + std::to_string(pid) + "/stat");
        if (std::string text; std::getline(state, text) && text.find(") Z ") != std::string::npos) {
            break;  // nobody has asked how it ended
        }
    }
    EXPECT_LT(rabbit::Clock::now(), until);
}

TEST(Job, IsWaitedForByItsDestructor) {
    const auto begun = rabbit::Clock::now();
    { const receiving::Job job({"/bin/sh", "-c", "cat >/dev/null; sleep 0.2"}, {}, {}); }
    EXPECT_GE(rabbit::Clock::now() - begun, std::chrono::milliseconds(200));
}

}  // namespace
