#include "source.hpp"

#include "failure.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <unistd.h>

namespace {

using sending::Options;
using sending::Source;
using Bodies = std::vector<std::string>;

std::vector<std::string> bodies(Source& source) {
    std::vector<std::string> result;
    while (!source.at_end()) {
        if (const auto record = source.next()) {
            result.emplace_back(record->body.bytes());
        } else if (!source.at_end()) {
            source.input().read();
        }
    }
    return result;
}

class SourceTest : public testing::Test {
protected:
    void SetUp() override { close(mkstemp(file_.data())); }
    void TearDown() override { std::remove(file_.c_str()); }

    void write(const std::string& text) const { std::ofstream(file_, std::ios::binary) << text; }

    /// To send the records of what write() writes.
    [[nodiscard]] Options of_json() const {
        Options options;
        options.files = {file_};
        options.json = true;
        return options;
    }

    [[nodiscard]] static std::string failure(const Options& options) {
        Source source(options);
        try {
            bodies(source);
        } catch (const cli::Failure& error) {
            EXPECT_EQ(error.code(), cli::ExitCode::bad_input);
            return error.what();
        }
        return "";
    }

    std::string file_ = testing::TempDir() + "source-XXXXXX";
};

TEST_F(SourceTest, SaysHelloWhenNothingElseIsToBeSent) {
    Source source(Options{});
    EXPECT_EQ(bodies(source), Bodies{"Hello World!"});
}

TEST_F(SourceTest, GivesTheArgumentsInOrder) {
    Options options;
    options.messages = {"a", "", "b"};
    Source source(options);
    EXPECT_EQ(bodies(source), (Bodies{"a", "", "b"}));
}

TEST_F(SourceTest, GivesFilesWhole) {
    write("a\nb\n");
    Options options;
    options.files = {file_, file_};
    Source source(options);
    EXPECT_EQ(bodies(source), (Bodies{"a\nb\n", "a\nb\n"}));
}

TEST_F(SourceTest, GivesRecordsOfFiles) {
    write("a\nb\n");
    Options options;
    options.files = {file_};
    options.lines = true;
    Source source(options);
    EXPECT_EQ(bodies(source), (Bodies{"a", "b"}));
}

TEST_F(SourceTest, GivesJsonRecordsWhateverTheirLinesAre) {
    const auto options = of_json();
    for (const auto* text : {
             "{'payload': 'a'}\n{'payload': 'b'}\n{'payload': 'c'}",
             "{'payload': 'a'}{'payload': 'b'}\n{'payload': 'c'}\n",
             "{'payload': 'a'} {'payload': 'b'} \n \t\n {'payload': 'c'}\r\n",
             "{'payload': 'a'}{'payload': 'b'}{'payload': 'c'}",
             "\n\r\n  {'payload': 'a'}\t\r\n \t\r\n{'payload': 'b'}\r\n{'payload': 'c'}\r\n\r\n",
             "[{'payload': 'a'},\n{'payload': 'b'}\n]\n{'payload': 'c'}\n",
             "{'payload': 'a'}\n[\n{'payload': 'b'}]\n{'payload': 'c'}\n",
             "{\n'payload': 'a'\n}\n{'payload': 'b'}\n{'payload':\n'c'}\n",
             "\xEF\xBB\xBF{'payload': 'a'}\n{'payload': 'b'}\n{'payload': 'c'}\n",
         }) {
        std::string json = text;
        std::replace(json.begin(), json.end(), '\'', '"');
        write(json);
        Source source(options);
        EXPECT_EQ(bodies(source), (Bodies{"a", "b", "c"})) << json;
    }
}

/// Large ones among small ones.
Bodies of_any_size() {
    Bodies result;
    for (std::size_t i = 0; i < 60; ++i) {
        result.emplace_back(i % 5 == 4 ? i * 20'011 : i * 1'001, static_cast<char>('a' + i % 26));
    }
    return result;
}

TEST_F(SourceTest, GivesLinesOfAnySize) {
    Options options;
    options.files = {file_};
    options.lines = true;
    std::string text;
    for (const auto& body : of_any_size()) {
        text += body + '\n';
    }
    text.pop_back();
    write(text);
    Source source(options);
    EXPECT_EQ(bodies(source), of_any_size());
}

TEST_F(SourceTest, GivesJsonRecordsOfAnySize) {
    const auto options = of_json();
    for (const auto* end : {"\n", "", " \n\n "}) {
        std::string json;
        for (const auto& body : of_any_size()) {
            json += R"({"payload": ")" + body + "\"}" + end;
        }
        write(json);
        Source source(options);
        EXPECT_EQ(bodies(source), of_any_size());
    }
}

TEST_F(SourceTest, NamesTheRecordAndTheLineThatAreMalformed) {
    const auto options = of_json();
    write("{\"payload\": \"a\"}\n\n{\"payload\":\n  tru}");
    EXPECT_EQ(failure(options), "record 2, line 4 of the input: not JSON near '  tru}'");
    write("{\"payload\": \"a\"}\n\n{\"payload\":\n 1}");
    EXPECT_EQ(failure(options), "record 2, line 3 of the input: payload: 1 is not a string");
    write("{}\r\n \t\r\n{\n}\n{\"payload\": 1}\n{}\n");
    EXPECT_EQ(failure(options), "record 3, line 5 of the input: payload: 1 is not a string");
    write("{}\n{\"payload\": \"\xFF\"}\n");
    EXPECT_EQ(failure(options), "record 2, line 2 of the input: not JSON near '{\"payload\": \"\xFF'");
    write("{}\n[1]\n");
    EXPECT_EQ(failure(options), "record 2, line 2 of the input: expected a JSON object, found '1'");
    write("{}\n{}\n{} x");
    EXPECT_EQ(failure(options), "record 4, line 3 of the input: expected a JSON object, found 'x'");
}

TEST_F(SourceTest, NamesTheLastRecordWhenItCannotBeSent) {
    const auto options = of_json();
    write("{}\n\n\n{}\n");
    Source source(options);
    source.input().read();
    ASSERT_TRUE(source.next());
    ASSERT_TRUE(source.next());
    EXPECT_STREQ(source.malformed("why").what(), "record 2, line 4 of the input: why");
}

}  // namespace
