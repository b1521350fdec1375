#include "arguments.hpp"

#include "cli11.hpp"
#include "failure.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

using Words = std::vector<std::string>;

class Arguments : public testing::Test {
protected:
    Arguments() {
        app_.add_option("-q,--queue", text_);
        cli::add_repeatable(app_, "-H,--header", headers_, "");
        app_.add_option("--routing-key", text_);
        app_.add_option("--tls-key", text_);
        app_.add_flag("-v,--verbose", flag_);
        app_.add_flag("-l,--lines", flag_);
        app_.add_option("MESSAGE", operands_);
    }

    Words read(const Words& words) { return cli::read_arguments(app_, words, nullptr); }

    std::string refusal(const Words& words) {
        try {
            read(words);
        } catch (const cli::UsageError& error) {
            return error.what();
        }
        return "taken";
    }

    CLI::App app_{"", "send"};

private:
    std::string text_;
    Words headers_;
    Words operands_;
    bool flag_ = false;
};

TEST_F(Arguments, AreOptionsApartFromTheirValuesThenOperands) {
    EXPECT_EQ(read({}), Words());
    EXPECT_EQ(read({"a", "--queue=x", "b"}), (Words{"--queue", "x", "--", "a", "b"}));
    EXPECT_EQ(read({"--queue", "x"}), (Words{"--queue", "x"}));
}

TEST_F(Arguments, MayHaveAnEmptyValue) {
    EXPECT_EQ(read({"--queue=", "x"}), (Words{"--queue", "", "--", "x"}));
    EXPECT_EQ(read({"--queue", ""}), (Words{"--queue", ""}));
}

TEST_F(Arguments, MayBundleShortOptions) {
    EXPECT_EQ(read({"-vl"}), (Words{"-v", "-l"}));
    EXPECT_EQ(read({"-vqjobs"}), (Words{"-v", "-q", "jobs"}));
    EXPECT_EQ(read({"-vq", "jobs"}), (Words{"-v", "-q", "jobs"}));
    EXPECT_EQ(read({"-qjobs"}), (Words{"-q", "jobs"}));
}

TEST_F(Arguments, HaveNoOptionsAfterTwoDashes) {
    EXPECT_EQ(read({"--", "-v", "--nonsense", "--"}), (Words{"--", "-v", "--nonsense", "--"}));
}

TEST_F(Arguments, MayBeADashOrANegativeNumber) {
    EXPECT_EQ(read({"-", "-5", "- x"}), (Words{"--", "-", "-5", "- x"}));
}

TEST_F(Arguments, RefuseALongNameAfterOneDash) {
    EXPECT_EQ(refusal({"-queue", "jobs"}), "-queue: a long option takes two dashes, --queue");
    EXPECT_EQ(refusal({"-queue=jobs"}), "-queue: a long option takes two dashes, --queue");
    EXPECT_EQ(refusal({"-verbose"}), "-verbose: a long option takes two dashes, --verbose");
}

TEST_F(Arguments, RefuseAnEqualsSignAfterAShortOption) {
    EXPECT_NE(refusal({"-q=jobs"}).find("-q=: a short option takes its value without '='"), std::string::npos);
}

TEST_F(Arguments, RefuseAnOptionInThePlaceOfAValue) {
    EXPECT_EQ(refusal({"--queue"}), "--queue needs a value");
    EXPECT_EQ(refusal({"-q"}), "-q needs a value");
    EXPECT_EQ(refusal({"--queue", "--", "x"}), "--queue needs a value");
    EXPECT_EQ(refusal({"--queue", "--verbose"}),
              "--queue needs a value, and --verbose is an option; if it is the value, write --queue=--verbose");
    EXPECT_EQ(refusal({"-q", "-v"}), "-q needs a value, and -v is an option");
    EXPECT_EQ(read({"--queue=--verbose"}), (Words{"--queue", "--verbose"}));
    EXPECT_EQ(read({"--queue", "--other"}), (Words{"--queue", "--other"}));
    EXPECT_EQ(read({"--queue", "-"}), (Words{"--queue", "-"}));
}

TEST_F(Arguments, RefuseAnOptionGivenTwice) {
    EXPECT_EQ(refusal({"-q", "a", "--queue=b"}), "--queue is given twice");
    EXPECT_EQ(read({"-H", "a=b", "-H", "c=d"}), (Words{"-H", "a=b", "-H", "c=d"}));
    EXPECT_EQ(read({"-v", "-v"}), (Words{"-v", "-v"}));
}

TEST_F(Arguments, RefuseAValueOfAFlag) {
    EXPECT_EQ(refusal({"--verbose=maybe"}), "--verbose takes no value");
    EXPECT_EQ(read({"--verbose=false"}), (Words{"--verbose=false"}));
}

TEST_F(Arguments, NameTheOptionsThatMayBeMeant) {
    EXPECT_EQ(refusal({"--quue", "x"}), "there is no option --quue; did you mean --queue?");
    EXPECT_EQ(refusal({"--ueqeu=x"}), "there is no option --ueqeu; 'send --help' lists them all");
    EXPECT_EQ(refusal({"--routingkey=x"}), "there is no option --routingkey; did you mean --routing-key?");
    EXPECT_EQ(refusal({"--routing_key"}), "there is no option --routing_key; did you mean --routing-key?");
    EXPECT_EQ(refusal({"--verb"}), "there is no option --verb; did you mean --verbose?");
    EXPECT_EQ(refusal({"--key=x"}), "there is no option --key; did you mean --routing-key or --tls-key?");
    EXPECT_EQ(refusal({"--elephant"}), "there is no option --elephant; 'send --help' lists them all");
    EXPECT_EQ(refusal({"-Y"}), "there is no option -Y; 'send --help' lists them all");
    EXPECT_EQ(refusal({"-vY"}), "there is no option -Y; 'send --help' lists them all");
}

TEST_F(Arguments, NeverShowAValueThatWasGivenWithAnOption) {
    for (const auto* word : {"--pasword=secret", "-queue=secret", "--verbose=secret"}) {
        EXPECT_EQ(refusal({word}).find("secret"), std::string::npos) << refusal({word});
    }
    EXPECT_NE(refusal({"--password=secret"}).find("--password-file"), std::string::npos);
}

TEST_F(Arguments, AreToldOfEachOperandBeforeTwoDashes) {
    Words told;
    cli::read_arguments(app_, {"a", "-v", "b", "--", "c"}, [&told](const std::string& word) { told.push_back(word); });
    EXPECT_EQ(told, (Words{"a", "b"}));
}

TEST_F(Arguments, ComeThroughCli11AsTheyAre) {
    for (const auto* text :
         {"{}", "%%", "[a,b]", "[[aabb]]", "", "[]", "'x'", "\"x\"", "a,b", "{\"a\": [1]}", "++", "true"}) {
        CLI::App app("", "send");
        std::string queue;
        Words headers;
        Words messages;
        app.add_option("--queue", queue);
        cli::add_repeatable(app, "--header", headers, "");
        app.add_option("MESSAGE", messages);
        auto arguments = cli::read_arguments(app, {"--queue", text, "--header", text, text}, nullptr);
        std::reverse(arguments.begin(), arguments.end());
        app.parse(std::move(arguments));
        EXPECT_EQ(queue, text);
        EXPECT_EQ(headers, Words{text});
        EXPECT_EQ(messages, Words{text});
    }
}

}  // namespace
