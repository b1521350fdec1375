#include "template.hpp"

#include "fd.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace {

using rabbit::Table;

rabbit::Delivery delivery() {
    rabbit::Properties properties;
    properties.content_type = "text/plain";
    properties.priority = 3;
    properties.timestamp = rabbit::Timestamp{1700000000};
    properties.headers = Table{{"kind", {"disk"}},
                               {"retries", {std::int32_t{5}}},
                               {"octet", {std::uint8_t{7}}},
                               {"ratio", {0.5}},
                               {"urgent", {true}},
                               {"at", {rabbit::Timestamp{1700000000}}},
                               {"raw", {rabbit::Bytes{"\xff"}}},
                               {"nothing", {std::monostate()}},
                               {"list", {rabbit::Array{{"a"}, {std::int64_t{1}}}}},
                               {"twice", {"first"}},
                               {"twice", {"second"}},
                               {"x: {y}", {"odd"}}};
    rabbit::Delivery result;
    result.delivery_tag = 12;
    result.redelivered = true;
    result.address = {.exchange = "logs", .routing_key = "disk.full"};
    result.message.body = std::string("b\0dy\xff", 5) + "é";
    result.message.properties = std::make_shared<const rabbit::Properties>(properties);
    return result;
}

std::string filled(const std::string& text, const rabbit::Delivery& with = delivery()) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const cli::Fd read_end(ends[0]);
    cli::Fd write_end(ends[1]);
    {
        cli::Output output(write_end.get());
        cli::Template(text).write(output, with);
        output.flush();
    }
    write_end.reset();
    std::string all;
    char buffer[4096];
    for (ssize_t count; (count = read(read_end.get(), buffer, sizeof buffer)) > 0;) {
        all.append(buffer, static_cast<std::size_t>(count));
    }
    return all;
}

std::string refusal_of_template(const std::string& text) {
    try {
        const cli::Template compiled(text);
    } catch (const cli::Failure& failure) {
        EXPECT_EQ(failure.code(), cli::ExitCode::usage);
        EXPECT_TRUE(std::string(failure.what()).starts_with("--template " + text + ": ")) << failure.what();
        return failure.what();
    }
    ADD_FAILURE() << text << " was taken";
    return {};
}

TEST(Template, IsItsTextWithoutFields) {
    EXPECT_EQ(filled(""), "");
    EXPECT_EQ(filled("plain"), "plain");
    EXPECT_EQ(filled("{{}} }}{{"), "{} }{");
    EXPECT_EQ(filled(R"(\\ \t\n\r\0|)"), std::string("\\ \t\n\r\0|", 7));
}

TEST(Template, HasTheFieldsOfADelivery) {
    EXPECT_EQ(filled("{exchange}/{routing_key} {delivery_tag} {redelivered} {size}"), "logs/disk.full 12 true 7");
}

TEST(Template, KeepsTheBytesOfTheBody) {
    EXPECT_EQ(filled("<{body}>"), std::string("<b\0dy\xff", 6) + "é>");
}

TEST(Template, HasEveryProperty) {
    EXPECT_EQ(filled("{content_type} {priority} {timestamp}"), "text/plain 3 1700000000");
    EXPECT_EQ(filled("{content_encoding}{delivery_mode}{correlation_id}{reply_to}{expiration}{message_id}{type}"
                     "{user_id}{app_id}{cluster_id}"),
              "");
}

TEST(Template, HasAllHeadersAsJson) {
    EXPECT_EQ(filled("{headers}", {}), "{}");
    EXPECT_NE(filled("{headers}").find(R"("twice")"), std::string::npos);
}

TEST(Template, PicksOneHeader) {
    EXPECT_EQ(filled("{headers[kind]}"), "disk");
    EXPECT_EQ(filled("{headers[retries]} {headers[octet]} {headers[ratio]} {headers[urgent]} {headers[at]}"),
              "5 7 0.5 true 1700000000");
    EXPECT_EQ(filled("{headers[raw]}"), "\xff");
    EXPECT_EQ(filled("{headers[nothing]} {headers[list]}"), R"(null ["a",1])");
    EXPECT_EQ(filled("{headers[twice]}"), "first");
}

TEST(Template, LeavesAMissingHeaderEmpty) {
    EXPECT_EQ(filled("<{headers[nosuch]}>"), "<>");
    EXPECT_EQ(filled("<{headers[kind]}>", {}), "<>");
}

TEST(Template, TakesAnyNameOfAHeader) {
    EXPECT_EQ(filled("{headers[x: {y}]}"), "odd");
}

TEST(Template, FormatsAsFmtDoes) {
    EXPECT_EQ(filled("{routing_key:*^13}|{delivery_tag:04}|{exchange:.2}|{redelivered:d}"), "**disk.full**|0012|lo|1");
    EXPECT_EQ(filled("{headers[kind]:>6}|{headers[retries]:<3}|{headers[nosuch]:_>3}|"), "  disk|5  |___|");
    EXPECT_EQ(filled("{exchange:}"), "logs");
}

TEST(Template, TakesEveryMessage) {
    rabbit::Delivery largest;
    largest.delivery_tag = std::numeric_limits<std::uint64_t>::max();
    EXPECT_EQ(filled("{delivery_tag:>21}", largest), " 18446744073709551615");
}

TEST(Template, RefusesWhatCannotBeUsed) {
    for (const auto* text : {"{",
                             "}",
                             "a } b",
                             "{body",
                             "{body:",
                             "{}",
                             "{0}",
                             "{:>3}",
                             "{body!r}",
                             "{body:d}",
                             "{size:q}",
                             "{body:{size}}",
                             "{body:.{delivery_tag}}",
                             "{body:>20000}",
                             "\\x",
                             "\\",
                             "{headers[kind]",
                             "{headers[kind}",
                             "{headers[]}",
                             "{headers[kind]x}",
                             "{body[0]}",
                             "{headers[kind][0]}",
                             "{headers[kind]:d}",
                             "{headers[a]b]}"}) {
        EXPECT_NE(refusal_of_template(text), "") << text;
    }
}

TEST(Template, SaysWhatIsWrong) {
    EXPECT_EQ(refusal_of_template("{nobody}"), "--template {nobody}: there is no field 'nobody'; --help names them");
    EXPECT_EQ(refusal_of_template("{}"), "--template {}: a field has a name, as {body}; {{ stands for a brace");
    EXPECT_EQ(refusal_of_template("{body[0]}"),
              "--template {body[0]}: body is one value; only {headers[name]} picks one of several");
    EXPECT_EQ(refusal_of_template("{headers[]}"), "--template {headers[]}: a header has a name, as {headers[kind]}");
}

TEST(Template, KnowsWhetherItShowsProperties) {
    EXPECT_FALSE(cli::Template("{body} {exchange}").needs_properties());
    EXPECT_TRUE(cli::Template("{body} {type}").needs_properties());
    EXPECT_TRUE(cli::Template("{headers[kind]}").needs_properties());
}

}  // namespace
