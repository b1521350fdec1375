#include "repr.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace {

struct Quoted {
    std::string program;
    explicit Quoted(std::string_view python) : program(python) {}
    /// For a shell, in single quotes.
    [[nodiscard]] std::string command() const {
        std::string text = "python3 -c '";
        for (const char each : program) {
            text += each == '\'' ? std::string("'\\''") : std::string(1, each);
        }
        return text + "'";
    }
};

std::string from_hex(std::string_view hex) {
    std::string bytes;
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
        bytes += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
    }
    return bytes;
}

/// What each case of Python begins with: `show` prints an input and what repr makes of it, in hexadecimal.
constexpr std::string_view prelude = R"py(
import random, re, sys, unicodedata
random.seed(20240229)
def show(data, text):
    sys.stdout.write(data.hex() + "," + text.encode().hex() + "\n")
def show_bytes(data):
    show(data, repr(data))
def show_text(text):
    show(text.encode(), repr(text))
def assigned_for_long(code):
    # Python and fmt have tables of different versions of Unicode. What Unicode 3.2 (2002) had assigned is in both.
    return unicodedata.ucd_3_2_0.category(chr(code)) not in ("Cn", "Cs")
)py";

/// Runs a Python program and holds our repr against each pair of lines that it shows.
void expect_same_as_python(std::string_view program, std::size_t cases,
                           const std::function<std::string(std::string_view)>& repr) {
    const auto command = Quoted(std::string(prelude).append(program)).command();
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> python(popen(command.c_str(), "r"), pclose);
    ASSERT_NE(python, nullptr);
    std::size_t compared = 0;
    std::string line;
    for (int each; (each = std::fgetc(python.get())) != EOF;) {
        if (each != '\n') {
            line += static_cast<char>(each);
            continue;
        }
        const auto comma = line.find(',');
        ASSERT_NE(comma, std::string::npos);
        ASSERT_EQ(repr(from_hex(std::string_view(line).substr(0, comma))),
                  from_hex(std::string_view(line).substr(comma + 1)))
            << "input " << line.substr(0, comma);
        line.clear();
        ++compared;
    }
    EXPECT_GE(compared, cases) << "Python ended early";
}

TEST(ReprBytes, OfTheGreeting) {
    EXPECT_EQ(cli::repr_bytes("Hello World!"), "b'Hello World!'");
}

TEST(ReprBytes, OfNothing) {
    EXPECT_EQ(cli::repr_bytes(""), "b''");
}

TEST(ReprBytes, PrefersSingleQuotes) {
    EXPECT_EQ(cli::repr_bytes("it's"), R"(b"it's")");
    EXPECT_EQ(cli::repr_bytes(R"(say "hi")"), R"(b'say "hi"')");
    EXPECT_EQ(cli::repr_bytes(R"(it's "it")"), R"(b'it\'s "it"')");
}

TEST(ReprBytes, OfEveryByteIsPythons) {
    expect_same_as_python(R"py(
for byte in range(256):
    show_bytes(bytes([byte]))
show_bytes(bytes(range(256)))
)py",
                          257, cli::repr_bytes);
}

TEST(ReprBytes, OfPairsIsPythons) {
    expect_same_as_python(R"py(
nasty = b"\0\1\t\n\r\x1b\x1f \"'0AZ\\abnrtux{}~\x7f\x80\x9f\xa0\xc3\xe2\xed\xf0\xf4\xff"
for first in nasty:
    for second in nasty:
        show_bytes(bytes([first, second]))
)py",
                          900, cli::repr_bytes);
}

TEST(ReprBytes, OfRandomBytesIsPythons) {
    expect_same_as_python(R"py(
for _ in range(4000):
    show_bytes(random.randbytes(random.randrange(64)))
for _ in range(4000):
    show_bytes(bytes(random.choices(b"'\"\\\n\t\r\0 ax", k=random.randrange(12))))
show_bytes(random.randbytes(100_000))
)py",
                          8001, cli::repr_bytes);
}

TEST(ReprText, OfTheGreeting) {
    EXPECT_EQ(cli::repr_text("Hello World!"), "'Hello World!'");
}

TEST(ReprText, LeavesPrintableUtf8AsItIs) {
    EXPECT_EQ(cli::repr_text("žluťoučký kůň, 今日は, 🐇"), "'žluťoučký kůň, 今日は, 🐇'");
}

TEST(ReprText, EscapesWhatATerminalWouldObey) {
    EXPECT_EQ(cli::repr_text("\x1b[2J\a\b\x7f"), R"('\x1b[2J\x07\x08\x7f')");
    EXPECT_EQ(cli::repr_text("\u009b2J \u202eabc"), R"('\x9b2J \u202eabc')");
}

TEST(ReprText, OfAsciiIsPythons) {
    expect_same_as_python(R"py(
for first in range(128):
    show_text(chr(first))
    for second in "\0\t\n\r\"' \\x~\x7f":
        show_text(chr(first) + second)
)py",
                          std::size_t{128} * 12, cli::repr_text);
}

TEST(ReprText, OfLatin1IsPythons) {
    expect_same_as_python(R"py(
for code in range(256):
    show_text(chr(code))
show_text("".join(map(chr, range(256))))
)py",
                          257, cli::repr_text);
}

TEST(ReprText, OfEveryLongAssignedCharacterIsPythons) {
    expect_same_as_python(R"py(
for code in filter(assigned_for_long, range(0x110000)):
    show_text(chr(code))
)py",
                          200'000, cli::repr_text);
}

TEST(ReprText, OfNoncharactersIsPythons) {
    expect_same_as_python(R"py(
for code in [*range(0xfdd0, 0xfdf0), *(plane << 16 | low for plane in range(17) for low in (0xfffe, 0xffff))]:
    show_text(chr(code))
)py",
                          66, cli::repr_text);
}

TEST(ReprText, OfRandomTextIsPythons) {
    expect_same_as_python(R"py(
characters = [chr(code) for code in filter(assigned_for_long, range(0x110000))]
combining = [c for c in characters if unicodedata.combining(c)]
format = [c for c in characters if unicodedata.category(c) in ("Cf", "Zs", "Zl", "Zp", "Co")][:400]
ascii = [chr(code) for code in range(128)]
for _ in range(5000):
    pool = random.choice([characters, combining, format, ascii, ["'", '"', "\\", "é", "\n"]])
    show_text("".join(random.choice(random.choice([pool, ascii])) for _ in range(random.randrange(20))))
)py",
                          5000, cli::repr_text);
}

TEST(ReprText, EscapesBytesThatAreNoUtf8) {
    EXPECT_EQ(cli::repr_text("\xff"), R"('\xff')");
    EXPECT_EQ(cli::repr_text("a\x80z"), R"('a\x80z')");
    EXPECT_EQ(cli::repr_text("\xe2\x82"), R"('\xe2\x82')") << "cut";
    EXPECT_EQ(cli::repr_text("\xc0\xaf"), R"('\xc0\xaf')") << "overlong";
    EXPECT_EQ(cli::repr_text("\xed\xa0\x80"), R"('\xed\xa0\x80')") << "a surrogate";
    EXPECT_EQ(cli::repr_text("\xf4\x90\x80\x80"), R"('\xf4\x90\x80\x80')") << "past U+10FFFF";
    EXPECT_EQ(cli::repr_text("\xf0\x9f\x90"), R"('\xf0\x9f\x90')") << "a cut rabbit";
}

TEST(ReprText, FindsTheSameInvalidBytesAsPython) {
    expect_same_as_python(R"py(
leads = b"\x61\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xf8\xff"
for _ in range(20000):
    data = bytes(random.choices(leads, k=random.randrange(1, 9)))
    text = data.decode("utf-8", "surrogateescape")
    if all(0xdc80 <= ord(c) <= 0xdcff or assigned_for_long(ord(c)) for c in text):
        show(data, re.sub(r"\\udc([89a-f][0-9a-f])", r"\\x\1", repr(text)))
)py",
                          5000, cli::repr_text);
}

TEST(EscapeText, IsTheReprWithoutItsQuotes) {
    EXPECT_EQ(cli::escape_text("Hello\tWorld!\n"), R"(Hello\tWorld!\n)");
    EXPECT_EQ(cli::escape_text("\x1b[2J\xff"), R"(\x1b[2J\xff)");
    EXPECT_EQ(cli::escape_text(R"(it's "it" \)"), R"(it's "it" \\)");
}

TEST(Printable, EscapesControlCharactersAndLeavesTheRest) {
    EXPECT_EQ(cli::printable("\x1b[2Jžluťoučký\n\xff"), R"(\x1b[2Jžluťoučký\n\xff)");
    EXPECT_EQ(cli::printable(R"(it's "it" \ \n \\)"), R"(it's "it" \ \n \\)");
    EXPECT_EQ(cli::printable(""), "");
}

}  // namespace
