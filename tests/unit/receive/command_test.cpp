#include "command.hpp"

#include "failure.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <poll.h>

namespace {

void wait(std::span<pollfd> descriptors) {
    poll(descriptors.data(), descriptors.size(), 20'000);
}

receiving::CommandStatus run(const std::string& script, const rabbit::Delivery& delivery = {}) {
    return receiving::run_command({"/bin/sh", "-c", script}, delivery, receiving::CommandOutput::inherited, wait);
}

rabbit::Delivery with_properties(rabbit::Properties properties) {
    rabbit::Delivery delivery;
    delivery.message.properties = std::make_shared<const rabbit::Properties>(std::move(properties));
    return delivery;
}

TEST(RunCommand, TellsTheExitStatus) {
    EXPECT_TRUE(run("exit 0").succeeded());
    const auto status = run("exit 3");
    EXPECT_FALSE(status.succeeded());
    EXPECT_EQ(status.text(), "exited with status 3");
}

TEST(RunCommand, TellsTheSignal) {
    const auto status = run("kill -KILL $$");
    EXPECT_FALSE(status.succeeded());
    EXPECT_EQ(status.text(), "was killed by signal 9 (Killed)");
}

TEST(RunCommand, TellsTheExitStatusToAProcessThatIgnoresItsChildren) {
    const auto previous = std::signal(SIGCHLD, SIG_IGN);
    const auto status = run("exit 3");
    std::signal(SIGCHLD, previous);
    EXPECT_EQ(status.exit_status, 3);
}

TEST(RunCommand, GivesEveryPropertyInTheEnvironment) {
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

TEST(RunCommand, HidesTheVariablesOfAnOuterMessage) {
    setenv("AMQP_CLUSTER_ID", "outer", 1);
    setenv("AMQP_URL", "amqp://outer", 1);
    const auto status = run(R"(test "${AMQP_CLUSTER_ID-none}" = none && test "$AMQP_URL" = amqp://outer)");
    unsetenv("AMQP_CLUSTER_ID");
    unsetenv("AMQP_URL");
    EXPECT_TRUE(status.succeeded());
}

TEST(RunCommand, RefusesAMessageThatNoEnvironmentCanHold) {
    rabbit::Properties properties;
    properties.type = std::string("a\0b", 3);
    const auto status = run("exit 0", with_properties(properties));
    EXPECT_FALSE(status.succeeded());
    EXPECT_EQ(status.text(), "was not run, since AMQP_TYPE holds a NUL byte");
}

TEST(RunCommand, RefusesAMessageThatIsTooLargeForAnEnvironment) {
    rabbit::Properties properties;
    properties.type = "t";
    properties.headers = rabbit::Table{{"h", {std::string(200'000, 'x')}}};
    const auto status = run("exit 0", with_properties(properties));
    EXPECT_FALSE(status.succeeded());
    EXPECT_EQ(status.text(), "was not run, since AMQP_HEADERS is too large for an environment (200008 bytes)");
}

TEST(RunCommand, CapturesTheOutputWhileItFeedsTheBody) {
    rabbit::Delivery delivery;
    delivery.message.body = std::string(1'000'000, 'x');
    const auto status =
        receiving::run_command({"/bin/sh", "-c", "cat; echo end"}, delivery, receiving::CommandOutput::captured, wait);
    EXPECT_TRUE(status.succeeded());
    EXPECT_EQ(status.output, delivery.message.body + "end\n");
}

TEST(RunCommand, DoesNotWaitForWhoeverTheCommandLeavesWithItsOutput) {
    const auto status =
        receiving::run_command({"/bin/sh", "-c", "sleep 20 & echo done"}, {}, receiving::CommandOutput::captured, wait);
    EXPECT_TRUE(status.succeeded());
    EXPECT_EQ(status.output, "done\n");
}

TEST(RunCommand, ThrowsWhenTheCommandCannotBeRunAtAll) {
    EXPECT_THROW(receiving::run_command({"/no/such/command"}, {}, receiving::CommandOutput::inherited, wait),
                 cli::Failure);
}

}  // namespace
