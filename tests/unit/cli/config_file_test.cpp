#include "config_file.hpp"

#include "cli11.hpp"
#include "failure.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace {

class ConfigFile : public testing::Test {
protected:
    ConfigFile() {
        app_.add_option("-q,--queue", queue_);
        cli::add_repeatable(app_, "-H,--header", headers_, "");
        app_.add_flag("--durable", durable_);
        app_.add_option("MESSAGE", headers_);
        cli::add_config_option(app_);
    }

    std::vector<CLI::ConfigItem> read(const std::string& text) {
        std::istringstream input(text);
        return cli::ConfigFile(app_).from_config(input);
    }

    std::string value(const std::string& text) { return read("queue" + text).front().inputs.front(); }

    std::string refusal(const std::string& text) {
        try {
            read(text);
        } catch (const cli::UsageError& error) {
            return error.what();
        }
        return "taken";
    }

private:
    CLI::App app_{"", "send"};
    std::string queue_;
    std::vector<std::string> headers_;
    bool durable_ = false;
};

TEST_F(ConfigFile, HasCommentsAndEmptyLines) {
    EXPECT_TRUE(read("").empty());
    EXPECT_TRUE(read("# comment\n; another\n\n   \t\r\n").empty());
}

TEST_F(ConfigFile, HasValuesThatGoToTheEndOfTheLine) {
    EXPECT_EQ(value("=x"), "x");
    EXPECT_EQ(value(" =  a b # c, d ; e \r"), "a b # c, d ; e");
    EXPECT_EQ(value("="), "");
    EXPECT_EQ(value("=a=b"), "a=b");
}

TEST_F(ConfigFile, HasQuotesAroundAValueOrNot) {
    EXPECT_EQ(value("= \" a \""), " a ");
    EXPECT_EQ(value("= ' a '"), " a ");
    EXPECT_EQ(value("= 'a\""), "'a\"");
    EXPECT_EQ(value("= '"), "'");
}

TEST_F(ConfigFile, GathersTheValuesOfARepeatedOption) {
    const auto items = read("header = a=1\nqueue = q\nheader = b=2\n");
    ASSERT_EQ(items.size(), 2U);
    EXPECT_EQ(items[0].inputs, (std::vector<std::string>{"a=1", "b=2"}));
}

TEST_F(ConfigFile, NamesTheLineAndWhatIsWrongWithIt) {
    EXPECT_EQ(refusal("\nqueue\n"), "--config: line 2: it is not of the form option = value");
    EXPECT_EQ(refusal("= x"), "--config: line 1: it is not of the form option = value");
    EXPECT_EQ(refusal("quue = x"), "--config: line 1: there is no option --quue; did you mean --queue?");
    EXPECT_EQ(refusal("--queue = x"), "--config: line 1: an option's long name stands here without dashes: queue");
    EXPECT_EQ(refusal("q = x"), "--config: line 1: an option's long name stands here without dashes: queue");
    EXPECT_EQ(refusal("queue = a\nqueue = b"), "--config: line 2: --queue is given twice");
    EXPECT_EQ(refusal("durable = perhaps"), "--config: line 1: --durable is either true or false");
    EXPECT_EQ(refusal("config = other"), "--config: line 1: --config belongs to the command line");
    EXPECT_NE(refusal("MESSAGE = x").find("there is no option --MESSAGE"), std::string::npos);
}

TEST_F(ConfigFile, ShowsNoValue) {
    for (const auto* text : {"password = secret", "pasword = secret", "durable = secret", "--queue = secret"}) {
        EXPECT_EQ(refusal(text).find("secret"), std::string::npos) << refusal(text);
    }
}

}  // namespace
