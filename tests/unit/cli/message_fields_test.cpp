#include "message_fields.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>

namespace {

using cli::find_property;
using cli::property_text;

TEST(MessageFields, EveryPropertyIsFoundByItsName) {
    std::set<std::string_view> names;
    for (const auto& property : cli::message_properties) {
        EXPECT_EQ(find_property(property.name), &property);
        names.insert(property.name);
    }
    EXPECT_EQ(names.size(), 14U);
    EXPECT_EQ(find_property("content-type"), nullptr);
    EXPECT_EQ(find_property(""), nullptr);
}

TEST(MessageFields, PropertiesAreShownAsText) {
    const rabbit::Properties properties{.content_type = "text/plain",
                                        .headers = rabbit::Table{{"attempt", {std::int64_t{1}}}},
                                        .delivery_mode = std::uint8_t{2},
                                        .timestamp = rabbit::Timestamp{1700000000}};
    EXPECT_EQ(property_text(*find_property("content_type"), properties), "text/plain");
    EXPECT_EQ(property_text(*find_property("headers"), properties), R"({"attempt":1})");
    EXPECT_EQ(property_text(*find_property("delivery_mode"), properties), "2");
    EXPECT_EQ(property_text(*find_property("timestamp"), properties), "1700000000");
}

TEST(MessageFields, AMissingPropertyHasNoText) {
    for (const auto& property : cli::message_properties) {
        EXPECT_EQ(property_text(property, {}), std::nullopt) << property.name;
    }
}

TEST(MessageFields, AnEmptyPropertyIsNotAMissingOne) {
    EXPECT_EQ(property_text(*find_property("user_id"), {.user_id = ""}), "");
}

TEST(MessageFields, NamesOfOptionsAndVariablesFollowFromAmqps) {
    EXPECT_EQ(cli::option_name("content_type"), "--content-type");
    EXPECT_EQ(cli::environment_name("content_type"), "AMQP_CONTENT_TYPE");
    EXPECT_EQ(cli::environment_name("routing_key"), "AMQP_ROUTING_KEY");
}

}  // namespace
