#include "input.hpp"

#include "failure.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <unistd.h>

namespace {

using sending::Framing;
using sending::Input;
using Records = std::vector<std::string>;
using namespace std::string_literals;

class InputTest : public testing::Test {
protected:
    void TearDown() override {
        for (const auto& file : files_) {
            std::remove(file.c_str());
        }
    }

    /// The name of a new file that holds this.
    std::string file_with(const std::string& text) {
        auto name = testing::TempDir() + "input-XXXXXX";
        close(mkstemp(name.data()));
        std::ofstream(name, std::ios::binary) << text;
        files_.push_back(name);
        return name;
    }

    Records records(const Records& texts, Framing framing) {
        std::vector<std::string> names;
        for (const auto& text : texts) {
            names.push_back(file_with(text));
        }
        Input input(names, framing);
        Records result;
        for (;;) {
            while (auto record = input.next()) {
                result.push_back(std::move(*record));
            }
            if (input.at_end()) {
                return result;
            }
            input.read();
        }
    }

    std::vector<std::string> files_;
};

TEST_F(InputTest, ALineEndsAtANewlineOrTheEndOfItsFile) {
    EXPECT_EQ(records({"a\n\nb\r\nc"}, Framing::line), (Records{"a", "", "b\r", "c"}));
    EXPECT_EQ(records({"a", "b\n", "", "c"}, Framing::line), (Records{"a", "b", "c"}));
}

TEST_F(InputTest, APartEndsAtANul) {
    EXPECT_EQ(records({"a\nb\0\0c"s}, Framing::null), (Records{"a\nb", "", "c"}));
}

TEST_F(InputTest, AFileIsOneRecordThoughEmpty) {
    EXPECT_EQ(records({"a\nb", "", "\0"s}, Framing::file), (Records{"a\nb", "", "\0"s}));
}

/// Many of them may be in flight.
TEST_F(InputTest, ASmallFileTakesNoMoreMemoryThanItsBytes) {
    for (const auto& record : records({"abc", std::string(100, 'x')}, Framing::file)) {
        EXPECT_LE(record.capacity(), 100U);
    }
}

TEST_F(InputTest, AnObjectEndsAtItsBracket) {
    EXPECT_EQ(records({" {} [{\"a\":\n1}]", "", "{}"}, Framing::json), (Records{"{}", "{\"a\":\n1}", "{}"}));
}

TEST_F(InputTest, RecordsMayBeLongerThanWhatIsReadAtOnce) {
    const std::string body(200'000, 'x');
    EXPECT_EQ(records({body + "\n" + body}, Framing::line), (Records{body, body}));
    const auto object = R"({"a":")" + body + R"("})";
    EXPECT_EQ(records({object + "\n" + object}, Framing::json), (Records{object, object}));
}

/// The first shows how large they are.
TEST_F(InputTest, LargeRecordsTakeFewReads) {
    const std::string record(8U << 20, 'x');
    Input input({file_with(record + '\n' + record + '\n')}, Framing::line);
    int reads = 0;
    const auto next = [&] {
        reads = 0;
        auto got = input.next();
        for (; !got; got = input.next()) {
            input.read();
            ++reads;
        }
        return std::move(*got);
    };
    EXPECT_EQ(next(), record);
    EXPECT_EQ(next(), record);
    EXPECT_LE(reads, 8 * 4 + 1);  // of 256 KiB each
}

/// Many of them may be in flight, too; the first shows how large they are.
TEST_F(InputTest, LargeRecordsTakeLittleMoreMemoryThanTheirBytes) {
    const std::string record(std::size_t{256} << 10, 'x');
    const auto all = records({record + '\n' + record + '\n' + record + '\n'}, Framing::line);
    for (const auto i : {1U, 2U}) {
        EXPECT_LE(all.at(i).capacity(), record.size() * 5 / 4 + 1024);
    }
}

/// A large one takes the buffer along, and those behind it go into the next.
TEST_F(InputTest, RecordsOfAllSizesFollowEachOther) {
    const std::vector<std::size_t> sizes{10,      65'535,  65'536,  65'537,  3,       262'143, 262'144, 0,
                                         262'145, 71'680,  71'680,  71'680,  81'920,  61'440,  61'440,  1'024'000,
                                         1,       921'600, 262'079, 262'080, 262'142, 65'471,  102'400, 102'400};
    struct Case {
        Framing framing;
        std::string before;
        std::string after;  ///< of each record
        std::string end;    ///< between records
    };
    for (const auto& [framing, before, after, end] :
         {Case{Framing::line, "", "", "\n"}, Case{Framing::null, "", "", "\0"s},
          Case{Framing::json, R"({"a":")", R"("})", "\n"}}) {
        Records expected;
        std::string text;
        for (const auto size : sizes) {
            const auto letter = static_cast<char>('a' + expected.size());
            text += expected.emplace_back(before).append(size, letter).append(after);
            text += end;
        }
        auto twice = expected;
        twice.insert(twice.end(), expected.begin(), expected.end());
        EXPECT_TRUE(records({text, text}, framing) == twice) << "between " << before;
    }
}

TEST_F(InputTest, AnObjectDoesNotGoOnInTheNextFile) {
    try {
        records({"{}", "\n{", "}"}, Framing::json);
        ADD_FAILURE() << "taken";
    } catch (const sending::MalformedJson& error) {
        EXPECT_EQ(error.line(), 2U);
    }
}

TEST_F(InputTest, LinesAreCountedInEachFile) {
    Input input({file_with("{}\n{}\n"), file_with("\n\n{}")}, Framing::json);
    std::vector<std::uint64_t> lines;
    std::string name;
    while (!input.at_end()) {
        if (input.next()) {
            lines.push_back(input.first_line());
            name = input.name();
        } else if (!input.at_end()) {
            input.read();
        }
    }
    EXPECT_EQ(lines, (std::vector<std::uint64_t>{1, 2, 3}));
    EXPECT_EQ(name, "'" + files_[1] + "'");
}

TEST_F(InputTest, AMissingFileIsFoundBeforeAnythingIsRead) {
    try {
        const Input input({file_with("a"), "/nonexistent/file"}, Framing::line);
        ADD_FAILURE() << "taken";
    } catch (const cli::Failure& failure) {
        EXPECT_EQ(failure.code(), cli::ExitCode::no_input);
        EXPECT_NE(std::string(failure.what()).find("'/nonexistent/file'"), std::string::npos);
    }
}

TEST_F(InputTest, ARecordTakesTheMemoryItIsGiven) {
    for (const auto framing : {Framing::line, Framing::null, Framing::file, Framing::json}) {
        Input input({file_with("{ }")}, framing);
        while (input.descriptor() != -1) {
            input.read();
        }
        std::string spare(500, 'x');
        const auto* memory = spare.data();
        const auto record = input.next(std::move(spare));
        ASSERT_EQ(record, "{ }");
        EXPECT_EQ(record->data(), memory);
    }
}

TEST_F(InputTest, NoFilesHaveNoRecords) {
    EXPECT_EQ(records({}, Framing::line), Records{});
}

}  // namespace
