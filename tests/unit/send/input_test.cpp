#include "input.hpp"

#include "failure.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <malloc.h>
#include <unistd.h>

namespace {

using rabbit::Body;
using sending::Framing;
using sending::Input;
using Records = std::vector<std::string>;
using namespace std::string_literals;

/// Bytes; 0 with a sanitizer, which has a malloc of its own.
std::size_t allocated() {
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

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
        for (const auto& body : bodies(input)) {
            result.emplace_back(body.bytes());
        }
        return result;
    }

    /// All are kept until the last is read.
    static std::vector<Body> bodies(Input& input) {
        std::vector<Body> result;
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
        return std::string(got->bytes());
    };
    EXPECT_EQ(next(), record);
    EXPECT_EQ(next(), record);
    EXPECT_LE(reads, 8 * 4 + 1);  // of 256 KiB each
}

TEST_F(InputTest, RecordsTakeLittleMoreMemoryThanTheirBytes) {
    constexpr std::size_t total = std::size_t{16} << 20;
    for (const std::size_t size : {100U, 5'000U, 102'400U, 262'144U, 1'048'576U}) {
        std::string text;
        while (text.size() < total) {
            text.append(size, 'x') += '\n';
        }
        Input input({file_with(text)}, Framing::line);
        const auto before = allocated();
        const auto kept = bodies(input);
        EXPECT_LE(allocated() - before, total * 5 / 4 + (2U << 20) + kept.capacity() * sizeof(Body)) << size;
    }
}

/// Nobody has a record any more.
TEST_F(InputTest, ALargeRecordLeavesNoMemoryToSmallOnes) {
    for (const auto& [framing, before, after] :
         {std::tuple(Framing::line, "", ""), {Framing::json, R"({"a":")", R"("})"}}) {
        const auto record = [&, before = before, after = after](std::size_t size) {
            return before + std::string(size, 'x') + after + "\n";
        };
        auto text = record(8U << 20);
        while (text.size() < 12U << 20) {
            text += record(1000);
        }
        const auto file = file_with(text);
        text = {};
        const auto begun = allocated();
        Input input({file}, framing);
        std::size_t most = 0;
        for (int records = 0; !input.at_end();) {
            if (input.next()) {
                ++records;
            } else if (!input.at_end()) {
                input.read();
                most = records > 1 ? std::max(most, allocated() - begun) : 0;
            }
        }
        EXPECT_LE(most, 2U << 20);
    }
}

TEST_F(InputTest, LargeRecordsAmongSmallOnesTakeFewReads) {
    std::string text;
    for (int i = 0; i < 20; ++i) {
        text.append(1U << 20, 'x') += '\n';
        for (int small = 0; small < 10; ++small) {
            text.append(100, 'y') += '\n';
        }
    }
    Input input({file_with(text)}, Framing::line);
    int reads = 0;
    while (!input.at_end()) {
        if (!input.next() && !input.at_end()) {
            input.read();
            ++reads;
        }
    }
    EXPECT_LE(reads, 20 * 6);  // of 256 KiB, and the rest of a record
}

/// Many of them may be in flight, too.
TEST_F(InputTest, SmallFilesShareAPieceOfMemory) {
    const std::vector<std::string> names(100, file_with("abc"));
    Input input(names, Framing::file);
    const auto before = allocated();
    const auto kept = bodies(input);
    EXPECT_EQ(kept.size(), names.size());
    EXPECT_LE(allocated() - before, std::size_t{2} << 20);
}

TEST_F(InputTest, TheMemoryIsUsedAgainOnceNobodyHasARecord) {
    std::string text;
    while (text.size() < std::size_t{8} << 20) {
        text += "abc\n";
    }
    Input input({file_with(text)}, Framing::line);
    std::set<std::uintptr_t> mebibytes;
    while (!input.at_end()) {
        if (const auto record = input.next()) {
            mebibytes.insert(reinterpret_cast<std::uintptr_t>(record->bytes().data()) >> 20);
        } else if (!input.at_end()) {
            input.read();
        }
    }
    EXPECT_LE(mebibytes.size(), 2U);
}

/// A large one has memory of its own, and those behind it may begin there.
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

TEST_F(InputTest, NoFilesHaveNoRecords) {
    EXPECT_EQ(records({}, Framing::line), Records{});
}

}  // namespace
