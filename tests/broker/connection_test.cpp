#include "broker.hpp"

#include "rabbit/publisher.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <poll.h>

namespace {

using namespace broker;
using rabbit::ErrorKind;
using rabbit::WaitResult;

class ConnectionTest : public broker::Test {
protected:
    [[nodiscard]] rabbit::QueueOptions exclusive() const {
        rabbit::QueueOptions options;
        options.name = queue();
        options.exclusive = true;
        return options;
    }

    [[nodiscard]] rabbit::QueueOptions passive() const {
        rabbit::QueueOptions options;
        options.name = queue();
        options.passive = true;
        return options;
    }

    [[nodiscard]] rabbit::QueueOptions plain() const {
        rabbit::QueueOptions options;
        options.name = queue();
        return options;
    }

    /// Waits to the deadline and handles what comes before it.
    static void wait_out(rabbit::Connection& connection, rabbit::Clock::duration duration) {
        for (const auto deadline = in(duration); connection.wait(deadline) != WaitResult::deadline;) {
        }
    }
};

TEST_F(ConnectionTest, OpensAndCloses) {
    auto connection = connect();
    EXPECT_NO_THROW(connection.close());
}

TEST_F(ConnectionTest, MayBeDroppedWithoutClosing) {
    EXPECT_NO_THROW({ const auto connection = connect(); });
}

TEST_F(ConnectionTest, WorksOnAfterItWasMoved) {
    auto first = connect();
    auto second = std::move(first);
    EXPECT_EQ(second.declare(exclusive()).name, queue());
    first = std::move(second);
    EXPECT_EQ(first.declare(exclusive()).name, queue());
    first.close();
}

TEST_F(ConnectionTest, AWrongPasswordIsRefused) {
    auto wrong = endpoint();
    wrong.password = "not the secret";
    const auto error = error_of([&] { const rabbit::Connection connection(wrong); });
    EXPECT_EQ(error.kind(), ErrorKind::refused);
    EXPECT_EQ(error.reply_code(), 403);
    EXPECT_NE(std::string(error.what()).find(wrong.user), std::string::npos) << error.what();
    EXPECT_EQ(std::string(error.what()).find(wrong.password), std::string::npos) << error.what();
}

TEST_F(ConnectionTest, AnUnknownUserIsRefused) {
    auto wrong = endpoint();
    wrong.user = queue();
    EXPECT_EQ(error_of([&] { const rabbit::Connection connection(wrong); }).kind(), ErrorKind::refused);
}

TEST_F(ConnectionTest, AnUnknownVirtualHostIsRefused) {
    auto wrong = endpoint();
    wrong.vhost = "no such vhost";
    const auto error = error_of([&] { const rabbit::Connection connection(wrong); });
    EXPECT_EQ(error.kind(), ErrorKind::refused);
    EXPECT_NE(std::string(error.what()).find("no such vhost"), std::string::npos) << error.what();
}

TEST_F(ConnectionTest, DeclaresAQueueThatTheOthersSee) {
    auto connection = connect();
    const auto declared = connection.declare(plain());
    EXPECT_EQ(declared.name, queue());
    EXPECT_EQ(declared.message_count, 0U);
    EXPECT_EQ(declared.consumer_count, 0U);
    EXPECT_EQ(witness().count(queue()), 0U);
    connection.close();
}

TEST_F(ConnectionTest, DeclaresAQueueThatIsThereAndTellsHowManyMessagesItHolds) {
    declare_queue();
    for (int i = 0; i < 3; ++i) {
        witness().publish("", queue(), "hello");
    }
    EXPECT_EQ(witness().count(queue()), 3U);
    auto connection = connect();
    EXPECT_EQ(connection.declare(plain()).message_count, 3U);
}

TEST_F(ConnectionTest, LetsTheBrokerNameAQueue) {
    auto options = exclusive();
    options.name.clear();
    auto connection = connect();
    EXPECT_EQ(connection.declare(options).name.substr(0, 8), "amq.gen-");
}

TEST_F(ConnectionTest, DeclaresWithArguments) {
    auto options = plain();
    options.arguments = {{"x-max-length", {std::int32_t{1}}}, {"x-overflow", {std::string("drop-head")}}};
    auto connection = connect();
    connection.declare(options);
    witness().publish("", queue(), "first");
    witness().publish("", queue(), "second");
    const auto left = witness().get(queue());
    ASSERT_TRUE(left);
    EXPECT_EQ(left->body, "second");
}

TEST_F(ConnectionTest, ANameOfMoreThan255BytesIsInvalidAndHarmless) {
    auto connection = connect();
    auto options = plain();
    options.name = std::string(256, 'q');
    const auto error = error_of([&] { connection.declare(options); });
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    EXPECT_NE(std::string(error.what()).find("queue name"), std::string::npos) << error.what();
    EXPECT_NO_THROW(connection.declare(plain()));
}

TEST_F(ConnectionTest, ArgumentsThatFitNoFrameAreInvalidAndHarmless) {
    auto connection = connect();
    auto options = plain();
    options.arguments = {{"x-too-long", {std::string(std::size_t{256} << 10, 'x')}}};
    EXPECT_EQ(error_of([&] { connection.declare(options); }).kind(), ErrorKind::invalid);
    EXPECT_NO_THROW(connection.declare(plain()));
}

TEST_F(ConnectionTest, OtherPropertiesThanTheQueuesCloseTheChannel) {
    declare_queue();
    auto connection = connect();
    auto options = plain();
    options.durable = true;
    const auto error = error_of([&] { connection.declare(options); });
    EXPECT_EQ(error.kind(), ErrorKind::closed);
    EXPECT_EQ(error.reply_code(), 406);
    EXPECT_EQ(std::string(error.what()).find("cannot declare queue '" + queue() + "': 406 PRECONDITION_FAILED"), 0U)
        << error.what();
}

TEST_F(ConnectionTest, DeclaresAQueueWhileItOpens) {
    rabbit::Connection connection(endpoint(), {.declare = plain()});
    EXPECT_EQ(connection.declare(plain()).name, queue());
    EXPECT_EQ(witness().count(queue()), 0U);
    EXPECT_NO_THROW(connection.close());
}

TEST_F(ConnectionTest, AQueueThatIsRefusedWhileItOpensIsAnErrorOfDeclaring) {
    declare_queue();
    auto options = plain();
    options.durable = true;
    rabbit::Connection connection(endpoint(), {.declare = options});
    const auto error = error_of([&] { connection.declare(options); });
    EXPECT_EQ(error.reply_code(), 406);
    EXPECT_EQ(std::string(error.what()).find("cannot declare queue '" + queue() + "': 406 PRECONDITION_FAILED"), 0U)
        << error.what();
    connection.reopen_channel();
    EXPECT_EQ(connection.declare(passive()).name, queue());
}

TEST_F(ConnectionTest, AClosedChannelIsNotUsed) {
    auto connection = connect();
    EXPECT_EQ(error_of([&] { connection.declare(passive()); }).reply_code(), 404);
    const auto error = error_of([&] { connection.declare(plain()); });
    EXPECT_EQ(error.kind(), ErrorKind::closed);
    EXPECT_EQ(error.reply_code(), 0);
}

TEST_F(ConnectionTest, AClosedChannelIsReopened) {
    declare_queue();
    auto connection = connect();
    auto options = plain();
    options.durable = true;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(error_of([&] { connection.declare(options); }).reply_code(), 406);
        connection.reopen_channel();
        EXPECT_EQ(connection.declare(passive()).name, queue());
    }
    EXPECT_NO_THROW(connection.close());
}

TEST_F(ConnectionTest, IsClosedInOrderAfterItsChannelWas) {
    auto connection = connect();
    EXPECT_EQ(error_of([&] { connection.declare(passive()); }).reply_code(), 404);
    EXPECT_NO_THROW(connection.close());
}

TEST_F(ConnectionTest, AnothersExclusiveQueueIsLocked) {
    witness().declare(queue(), {.durable = false, .exclusive = true, .arguments = {}});
    auto connection = connect();
    const auto error = error_of([&] { connection.declare(plain()); });
    EXPECT_EQ(error.kind(), ErrorKind::closed);
    EXPECT_EQ(error.reply_code(), 405);
}

TEST_F(ConnectionTest, AReservedNameIsRefused) {
    auto connection = connect();
    auto options = plain();
    options.name = "amq." + queue();
    const auto error = error_of([&] { connection.declare(options); });
    EXPECT_EQ(error.kind(), ErrorKind::refused);
    EXPECT_EQ(error.reply_code(), 403);
}

TEST_F(ConnectionTest, BindsAQueue) {
    declare_queue();
    auto connection = connect();
    connection.bind(queue(), {"amq.topic", queue() + ".*"});
    witness().publish("amq.topic", queue() + ".key", "hello");
    const auto got = witness().get(queue());
    ASSERT_TRUE(got);
    EXPECT_EQ(got->body, "hello");
}

TEST_F(ConnectionTest, BindingToAMissingExchangeClosesTheChannel) {
    declare_queue();
    auto connection = connect();
    const auto error = error_of([&] { connection.bind(queue(), {"no such exchange", ""}); });
    EXPECT_EQ(error.kind(), ErrorKind::closed);
    EXPECT_EQ(error.reply_code(), 404);
}

TEST_F(ConnectionTest, ReopensWithoutWhatItHad) {
    auto connection = connect();
    connection.declare(exclusive());
    connection.close();
    connection.reopen();
    EXPECT_EQ(error_of([&] { connection.declare(passive()); }).reply_code(), 404);
    connection.reopen_channel();
    EXPECT_EQ(connection.declare(exclusive()).name, queue());
}

TEST_F(ConnectionTest, ReopensAfterItWasLost) {
    Proxy proxy(endpoint());
    rabbit::Connection connection(proxy.endpoint());
    proxy.cut();
    EXPECT_EQ(error_of([&] { connection.wait(in(patience)); }).kind(), ErrorKind::lost);
    connection.reopen();
    EXPECT_EQ(connection.declare(exclusive()).name, queue());
    EXPECT_NO_THROW(connection.close());
}

TEST_F(ConnectionTest, ReopensAfterItWasClosedByTheBroker) {
    auto connection = connect();
    {
        rabbit::Publisher publisher(connection);
        rabbit::Properties properties;
        properties.user_id = "not " + endpoint().user;
        publisher.publish({"", queue()}, {"hello", std::make_shared<rabbit::Properties>(properties)});
        EXPECT_EQ(error_of([&] { publisher.settle(in(patience)); }).reply_code(), 406);
    }
    connection.reopen();
    EXPECT_EQ(connection.declare(exclusive()).name, queue());
}

TEST_F(ConnectionTest, TriesTheNextEndpointWhenOneIsUnreachable) {
    auto nobody = endpoint();
    nobody.host = "127.0.0.1";
    nobody.port = 1;
    rabbit::Connection connection(std::vector{nobody, endpoint()});
    EXPECT_EQ(connection.endpoint(), endpoint());
    EXPECT_EQ(connection.declare(exclusive()).name, queue());
}

TEST_F(ConnectionTest, ReopensAtTheNextEndpointWhenItsOwnIsGone) {
    auto proxy = std::make_unique<Proxy>(endpoint());
    rabbit::Connection connection(std::vector{proxy->endpoint(), endpoint()});
    EXPECT_EQ(connection.endpoint(), proxy->endpoint());
    proxy.reset();
    EXPECT_EQ(error_of([&] { connection.wait(in(patience)); }).kind(), ErrorKind::lost);
    connection.reopen();
    EXPECT_EQ(connection.endpoint(), endpoint());
    EXPECT_EQ(connection.declare(exclusive()).name, queue());
}

TEST_F(ConnectionTest, ARefusalIsNotRetried) {
    auto wrong = endpoint();
    wrong.password = "not the secret";
    rabbit::ConnectionOptions options;
    options.retry_for = patience;
    options.on_retry = [](const rabbit::Error& error, std::chrono::milliseconds) { ADD_FAILURE() << error.what(); };
    const auto before = rabbit::Clock::now();
    const auto error = error_of([&] { const rabbit::Connection connection(std::vector{wrong, endpoint()}, options); });
    EXPECT_EQ(error.kind(), ErrorKind::refused);
    EXPECT_LT(rabbit::Clock::now() - before, patience / 2);
}

TEST_F(ConnectionTest, TellsWhichBrokerItIs) {
    EXPECT_EQ(connect().server().substr(0, 8), "RabbitMQ");
}

TEST_F(ConnectionTest, WaitsToItsDeadlineWhenNothingHappens) {
    auto connection = connect();
    const auto deadline = rabbit::Clock::now() + 200ms;
    EXPECT_EQ(connection.wait(deadline), WaitResult::deadline);
    EXPECT_GE(rabbit::Clock::now(), deadline);
}

TEST_F(ConnectionTest, ComesBackAtOnceFromADeadlineThatHasPassed) {
    auto connection = connect();
    EXPECT_EQ(connection.wait(rabbit::Clock::now() - 1h), WaitResult::deadline);
}

TEST_F(ConnectionTest, WaitsForAWatchedDescriptor) {
    auto connection = connect();
    Pipe quiet;
    Pipe pipe;
    std::thread writer([&pipe] { pipe.write(); });
    std::array<pollfd, 2> watched{{{quiet.read_end(), POLLIN, 0}, {pipe.read_end(), POLLIN, 0}}};
    EXPECT_EQ(connection.wait(in(patience), watched), WaitResult::watched);
    writer.join();
    EXPECT_EQ(watched[0].revents, 0);
    EXPECT_EQ(watched[1].revents, POLLIN);
}

TEST_F(ConnectionTest, AWatchedDescriptorThatIsNotReadyChangesNothing) {
    auto connection = connect();
    Pipe quiet;
    std::array<pollfd, 1> watched{{{quiet.read_end(), POLLIN, POLLIN}}};
    EXPECT_EQ(connection.wait(in(100ms), watched), WaitResult::deadline);
    EXPECT_EQ(watched[0].revents, 0);
}

TEST_F(ConnectionTest, AnInterruptEndsAWaitOnceAndTheConnectionWorksOn) {
    Pipe interrupt;
    rabbit::ConnectionOptions options;
    options.interrupt = interrupt.read_end();
    auto connection = connect(options);
    std::thread writer([&interrupt] { interrupt.write(); });
    EXPECT_EQ(error_of([&] { connection.wait(in(patience)); }).kind(), ErrorKind::interrupted);
    writer.join();
    EXPECT_EQ(connection.wait(in(100ms)), WaitResult::deadline);
    EXPECT_EQ(connection.declare(exclusive()).name, queue());
    EXPECT_NO_THROW(connection.close());
}

TEST_F(ConnectionTest, AnInterruptEndsACallAndTheConnectionWorksOn) {
    Pipe interrupt;
    rabbit::ConnectionOptions options;
    options.interrupt = interrupt.read_end();
    auto connection = connect(options);
    interrupt.write();
    EXPECT_EQ(error_of([&] { connection.declare(exclusive()); }).kind(), ErrorKind::interrupted);
    EXPECT_EQ(connection.declare(exclusive()).name, queue());
    EXPECT_NO_THROW(connection.close());
}

TEST_F(ConnectionTest, AnInterruptThatWasReportedDoesNotKeepItFromReopening) {
    Pipe interrupt;
    rabbit::ConnectionOptions options;
    options.interrupt = interrupt.read_end();
    auto connection = connect(options);
    interrupt.write();
    EXPECT_EQ(error_of([&] { connection.wait(in(patience)); }).kind(), ErrorKind::interrupted);
    EXPECT_NO_THROW(connection.reopen());
    EXPECT_EQ(connection.declare(exclusive()).name, queue());
}

TEST_F(ConnectionTest, KeepsHeartbeatsWhileItWaits) {
    rabbit::ConnectionOptions options;
    options.heartbeat = 1s;
    auto connection = connect(options);
    wait_out(connection, 4s);
    EXPECT_EQ(connection.declare(exclusive()).name, queue());
    EXPECT_NO_THROW(connection.close());
}

TEST_F(ConnectionTest, KeepsHeartbeatsWhileItPauses) {
    rabbit::ConnectionOptions options;
    options.heartbeat = 1s;
    auto connection = connect(options);
    EXPECT_EQ(connection.wait_without_reading(in(4s), {}), WaitResult::deadline);
    EXPECT_EQ(connection.declare(exclusive()).name, queue());
    EXPECT_NO_THROW(connection.close());
}

TEST_F(ConnectionTest, APauseEndsForAWatchedDescriptor) {
    auto connection = connect();
    Pipe pipe;
    pipe.write();
    std::array<pollfd, 1> watched{{{pipe.read_end(), POLLIN, 0}}};
    EXPECT_EQ(connection.wait_without_reading(in(patience), watched), WaitResult::watched);
    EXPECT_EQ(watched[0].revents, POLLIN);
}

TEST_F(ConnectionTest, APauseEndsForAnInterrupt) {
    Pipe interrupt;
    rabbit::ConnectionOptions options;
    options.interrupt = interrupt.read_end();
    auto connection = connect(options);
    interrupt.write();
    EXPECT_EQ(error_of([&] { connection.wait_without_reading(in(patience), {}); }).kind(), ErrorKind::interrupted);
}

TEST_F(ConnectionTest, MissedHeartbeatsLoseIt) {
    Proxy proxy(endpoint());
    rabbit::ConnectionOptions options;
    options.heartbeat = 1s;
    rabbit::Connection connection(proxy.endpoint(), options);
    proxy.hold();
    const auto error = error_of([&] { wait_out(connection, patience); });
    EXPECT_EQ(error.kind(), ErrorKind::lost);
    EXPECT_NE(error.cause().find("heartbeat"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(proxy.endpoint().name()), std::string::npos) << error.what();
}

TEST_F(ConnectionTest, ABrokerThatHangsUpLosesIt) {
    Proxy proxy(endpoint());
    rabbit::Connection connection(proxy.endpoint());
    proxy.cut();
    const auto error = error_of([&] { connection.wait(in(patience)); });
    EXPECT_EQ(error.kind(), ErrorKind::lost);
    EXPECT_NE(std::string(error.what()).find(proxy.endpoint().name()), std::string::npos) << error.what();
}

TEST_F(ConnectionTest, AnAnswerThatDoesNotComeLosesIt) {
    Proxy proxy(endpoint());
    rabbit::ConnectionOptions options;
    options.reply_timeout = 300ms;
    rabbit::Connection connection(proxy.endpoint(), options);
    proxy.hold();
    EXPECT_EQ(error_of([&] { connection.declare(exclusive()); }).kind(), ErrorKind::lost);
}

TEST_F(ConnectionTest, ClosesInTimeWhenTheBrokerIsSilent) {
    Proxy proxy(endpoint());
    rabbit::ConnectionOptions options;
    options.reply_timeout = 300ms;
    rabbit::Connection connection(proxy.endpoint(), options);
    proxy.hold();
    const auto before = rabbit::Clock::now();
    EXPECT_EQ(error_of([&] { connection.close(); }).kind(), ErrorKind::lost);
    EXPECT_LT(rabbit::Clock::now() - before, 10s);
}

}  // namespace
