#include "broker_rules.hpp"

#include <gtest/gtest.h>

namespace receiving {
namespace {

TEST(BrokerRules, NackIsFreeFromRabbitMQ43On) {
    for (const auto* server : {"RabbitMQ 4.3.0", "RabbitMQ 4.3.6", "RabbitMQ 4.3.0-rc.1", "RabbitMQ 4.10.1",
                               "RabbitMQ 5.0.0", "RabbitMQ 10.0"}) {
        EXPECT_TRUE(nack_is_free(server)) << server;
    }
}

TEST(BrokerRules, NackCountsBeforeAndElsewhere) {
    for (const auto* server : {"RabbitMQ 3.10.8", "RabbitMQ 3.13.7", "RabbitMQ 4.0.5", "RabbitMQ 4.2.9", "RabbitMQ ",
                               "RabbitMQ four", "RabbitMQ 4", "LavinMQ 4.3.0", "", " "}) {
        EXPECT_FALSE(nack_is_free(server)) << server;
    }
}

TEST(BrokerRules, StreamsHaveFiltersFromRabbitMQ313On) {
    EXPECT_TRUE(has_stream_filters("RabbitMQ 3.13.0"));
    EXPECT_TRUE(has_stream_filters("RabbitMQ 4.0.5"));
    EXPECT_FALSE(has_stream_filters("RabbitMQ 3.12.14"));
    EXPECT_FALSE(has_stream_filters("RabbitMQ 3.10.8"));
    EXPECT_FALSE(has_stream_filters("LavinMQ 3.13.0"));
}

std::string type_in(std::string_view cause) {
    return type_of_refusing_queue(
        rabbit::Error(rabbit::ErrorKind::closed, "cannot consume from queue 'q'", cause, 406));
}

TEST(BrokerRules, AQueueThatRefusesAnArgumentTellsItsType) {
    EXPECT_EQ(type_in("406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost '/' of queue type "
                      "rabbit_stream_queue"),
              "stream");
    EXPECT_EQ(
        type_in("406 PRECONDITION_FAILED - invalid arg 'x-stream-offset' for queue 'q' in vhost '/' of queue type "
                "rabbit_quorum_queue"),
        "quorum");
}

TEST(BrokerRules, OtherErrorsTellNoType) {
    EXPECT_EQ(type_in("404 NOT_FOUND - no queue 'q' in vhost '/'"), "");
    EXPECT_EQ(type_in(""), "");
}

}  // namespace
}  // namespace receiving
