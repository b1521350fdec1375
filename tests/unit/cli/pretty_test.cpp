#include "pretty.hpp"

#include "body_view.hpp"
#include "content_decoding.hpp"
#include "repr.hpp"
#include "terminal_safety.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>

#include <zlib.h>
#include <zstd.h>

namespace {

using cli::decode_content;
using cli::view_body;
using namespace std::string_literals;

std::string utf8(char32_t c) {
    std::string text;
    const auto add = [&text](char32_t byte) { text += static_cast<char>(byte); };
    if (c < 0x80) {
        add(c);
    } else if (c < 0x800) {
        add(0xC0 | (c >> 6));
        add(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        add(0xE0 | (c >> 12));
        add(0x80 | ((c >> 6) & 0x3F));
        add(0x80 | (c & 0x3F));
    } else {
        add(0xF0 | (c >> 18));
        add(0x80 | ((c >> 12) & 0x3F));
        add(0x80 | ((c >> 6) & 0x3F));
        add(0x80 | (c & 0x3F));
    }
    return text;
}

rabbit::Delivery delivery_of(std::string body, const rabbit::Properties& properties = {}) {
    rabbit::Delivery delivery;
    delivery.address = {.exchange = "logs", .routing_key = "disk.full"};
    delivery.message = {.body = std::move(body), .properties = std::make_shared<rabbit::Properties>(properties)};
    return delivery;
}

std::string shown(const rabbit::Delivery& delivery, bool colored = false) {
    return cli::pretty(delivery, std::chrono::system_clock::time_point(), colored);
}

/// All but the first line, which has the time.
std::string below_first_line(const rabbit::Delivery& delivery) {
    const auto text = shown(delivery);
    return text.substr(text.find('\n') + 1);
}

TEST(Pretty, ShowsPropertiesAndHeadersOneALine) {
    rabbit::Properties properties;
    properties.content_type = "text/plain";
    properties.delivery_mode = std::uint8_t{2};
    properties.expiration = "60000";
    properties.timestamp = rabbit::Timestamp{1700000000};
    properties.headers = rabbit::Table{{"n", {std::int64_t{1}}}, {"t", {rabbit::Table{{"a", {true}}}}}};
    EXPECT_EQ(below_first_line(delivery_of("hi", properties)),
              "  content_type   text/plain\n"
              "  delivery_mode  2 (persistent)\n"
              "  expiration     60000 ms\n"
              "  timestamp      2023-11-14 22:13:20 UTC\n"
              "  n              1\n"
              "  t              {\"a\":true}\n"
              "  2 bytes, text\n"
              "    hi\n");
}

TEST(Pretty, ShowsWhereAMessageComesFrom) {
    auto delivery = delivery_of("");
    delivery.redelivered = true;
    const auto text = shown(delivery);
    EXPECT_NE(text.find("  exchange 'logs', routing key 'disk.full', redelivered\n  no body\n"), std::string::npos);
    delivery.address.exchange.clear();
    EXPECT_EQ(shown(delivery).find("exchange"), std::string::npos);
}

TEST(Pretty, UsesColoursAndNoOtherSequence) {
    auto text = shown(delivery_of("clears the screen: \033[2J", {.type = "\033]0;title\a"}), true);
    for (const auto* sequence : {"\033[0m", "\033[1m", "\033[2m", "\033[33m", "\033[36m"}) {
        for (auto at = text.find(sequence); at != std::string::npos; at = text.find(sequence)) {
            text.erase(at, std::string(sequence).size());
        }
    }
    EXPECT_TRUE(is_safe(text)) << text;
    EXPECT_NE(text.find("\\x1b[2J"), std::string::npos);
}

rabbit::Value death(const char* reason, std::int64_t count, const char* queue) {
    return {rabbit::Table{{"count", {count}},
                          {"reason", {reason}},
                          {"queue", {queue}},
                          {"time", {rabbit::Timestamp{1700000000}}},
                          {"exchange", {"jobs"}},
                          {"routing-keys", {rabbit::Array{{"a"}}}}}};
}

TEST(Pretty, PutsDeathsInWords) {
    const rabbit::Value deaths{
        rabbit::Array{death("rejected", 3, "work"), death("expired", 1, "wait"), death("maxlen", 2, "small")}};
    EXPECT_EQ(cli::deaths_in_words(deaths),
              (std::vector<std::string>{
                  "rejected 3 times in queue 'work', published to exchange 'jobs' with routing key 'a', first at "
                  "2023-11-14 22:13:20 UTC",
                  "expired once in queue 'wait', published to exchange 'jobs' with routing key 'a', first at "
                  "2023-11-14 22:13:20 UTC",
                  "dropped from the full queue 2 times in queue 'small', published to exchange 'jobs' with routing key "
                  "'a', first at 2023-11-14 22:13:20 UTC"}));
}

TEST(Pretty, ShowsDeathsOfAnotherShapeAsTheyAre) {
    EXPECT_TRUE(cli::deaths_in_words({"text"}).empty());
    EXPECT_TRUE(cli::deaths_in_words({rabbit::Array{{"text"}}}).empty());
    EXPECT_EQ(below_first_line(delivery_of("", {.headers = rabbit::Table{{"x-death", {"text"}}}})),
              "  x-death  text\n  no body\n");
}

TEST(BodyView, IndentsJsonAndChangesNoToken) {
    EXPECT_EQ(
        view_body(R"({"a" :1.0,"a":1e40, "b":[ ],"c":{"d":"x\"{,:}y"},"e":[12345678901234567890,null]})", " ").lines,
        R"( {
   "a": 1.0,
   "a": 1e40,
   "b": [],
   "c": {
     "d": "x\"{,:}y"
   },
   "e": [
     12345678901234567890,
     null
   ]
 }
)");
    EXPECT_STREQ(view_body("[1,]", "").kind, "text");
    EXPECT_STREQ(view_body("7", "").kind, "text");
}

TEST(BodyView, ShowsTextAsItIs) {
    const auto view = view_body("a\\b\n\te\xcc\x81 \xd7\xa2\n", "  ");
    EXPECT_STREQ(view.kind, "text");
    EXPECT_EQ(view.lines, "  a\\b\n  \\te\xcc\x81 \xd7\xa2\n");
}

TEST(BodyView, DumpsWhatIsNoText) {
    const auto view = view_body(
        "\x00\xff"
        "AB"s,
        "");
    EXPECT_STREQ(view.kind, "binary");
    EXPECT_EQ(view.lines, "00000000  00 ff 41 42                                      ..AB\n");
    EXPECT_STREQ(view_body("\xff", "").kind, "binary");
    EXPECT_STREQ(view_body("\1\2\3abc", "").kind, "binary");
}

TEST(BodyView, CutsWhatIsLong) {
    const auto text = view_body(std::string(5000, 'x'), "");
    EXPECT_FALSE(text.whole);
    EXPECT_EQ(text.lines, std::string(4096, 'x') + "\n");
    const auto lines = view_body("a\n" + std::string(60, '\n'), "");
    EXPECT_FALSE(lines.whole);
    EXPECT_EQ(std::count(lines.lines.begin(), lines.lines.end(), '\n'), 40);
    EXPECT_TRUE(view_body(std::string(4096, 'x'), "").whole);
    std::string accents = "x";
    for (int i = 0; i < 3000; ++i) {
        accents += "\xc3\xa9";
    }
    const auto wide = view_body(accents, "");
    EXPECT_NO_THROW(decoded(wide.lines)) << "not cut through a character";
    EXPECT_FALSE(view_body(std::string(257, '\0'), "").whole);
}

TEST(Terminal, GetsNoDangerousCodePoint) {
    for (char32_t c = 0; c < 0x110000; ++c) {
        const auto text = utf8(c);
        ASSERT_TRUE(is_safe(cli::escape_text(text))) << std::hex << static_cast<std::uint32_t>(c);
        ASSERT_TRUE(is_safe(cli::printable(text))) << std::hex << static_cast<std::uint32_t>(c);
        ASSERT_TRUE(is_safe(view_body(text, " ").lines)) << std::hex << static_cast<std::uint32_t>(c);
    }
}

TEST(Terminal, GetsNothingDangerousFromRandomMessages) {
    std::minstd_rand random(7);
    const auto bytes = [&random] {
        constexpr std::string_view likely = "\033[]{}\":,\n\r\t\b\a0Hm;?\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\x81";
        std::string text(random() % 40, '\0');
        for (auto& c : text) {
            c = random() % 2 ? likely[random() % likely.size()] : static_cast<char>(random() % 256);
        }
        return text;
    };
    for (int i = 0; i < 100'000; ++i) {
        rabbit::Properties properties{.content_type = bytes(), .headers = rabbit::Table{{bytes(), {bytes()}}}};
        if (i % 2) {
            properties.content_encoding = i % 4 == 1 ? "gzip" : "zstd";
        }
        auto delivery = delivery_of(bytes(), properties);
        delivery.address = {.exchange = bytes(), .routing_key = bytes()};
        const auto text = shown(delivery);
        ASSERT_TRUE(is_safe(text)) << cli::repr_bytes(text);
        ASSERT_TRUE(is_safe(cli::repr_bytes(delivery.message.body)));
    }
}

std::string deflated(const std::string& text, int window_bits) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string result(deflateBound(&stream, text.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(result.data());
    stream.avail_out = static_cast<uInt>(result.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    result.resize(stream.total_out);
    deflateEnd(&stream);
    return result;
}

std::string zstd(const std::string& text) {
    std::string result(ZSTD_compressBound(text.size()), '\0');
    result.resize(ZSTD_compress(result.data(), result.size(), text.data(), text.size(), 3));
    return result;
}

TEST(DecodeContent, Decompresses) {
    const auto text = std::string(200'000, 'a') + "end";
    EXPECT_TRUE(decode_content("gzip", deflated(text, 16 + MAX_WBITS))->bytes == text);
    EXPECT_TRUE(decode_content("GZIP", deflated(text, 16 + MAX_WBITS))->bytes == text);
    EXPECT_TRUE(decode_content("deflate", deflated(text, MAX_WBITS))->bytes == text);
    EXPECT_TRUE(decode_content("deflate", deflated(text, -MAX_WBITS))->bytes == text);
    EXPECT_TRUE(decode_content("zstd", zstd(text))->bytes == text);
    EXPECT_EQ(decode_content("gzip", deflated("one ", 16 + MAX_WBITS) + deflated("two", 16 + MAX_WBITS))->bytes,
              "one two");
    EXPECT_EQ(decode_content("zstd", zstd("one ") + zstd("two"))->bytes, "one two");
    EXPECT_FALSE(decode_content("br", text));
    EXPECT_FALSE(decode_content("", text));
}

TEST(DecodeContent, EndsAtALimitOfSizeAndRatio) {
    std::string zeros;
    zeros.resize(100'000'000);
    for (const auto& [encoding, bytes] : {std::pair{"gzip", deflated(zeros, 16 + MAX_WBITS)}, {"zstd", zstd(zeros)}}) {
        const auto decoded = decode_content(encoding, bytes);
        EXPECT_FALSE(decoded->whole) << encoding;
        EXPECT_LE(decoded->bytes.size(), std::size_t{16} << 20) << encoding;
        EXPECT_LE(decoded->bytes.size(), std::max<std::size_t>(bytes.size() * 1000, 1 << 20)) << encoding;
    }
}

TEST(DecodeContent, SaysWhatIsBroken) {
    const auto whole = deflated("some text that is long enough to be cut", 16 + MAX_WBITS);
    EXPECT_THROW(decode_content("gzip", "no gzip"), std::runtime_error);
    EXPECT_THROW(decode_content("gzip", whole.substr(0, whole.size() - 9)), std::runtime_error);
    EXPECT_THROW(decode_content("gzip", whole + "more"), std::runtime_error);
    EXPECT_THROW(decode_content("gzip", ""), std::runtime_error);
    EXPECT_THROW(decode_content("deflate", "no deflate"), std::runtime_error);
    const auto frame = zstd("some text that is long enough to be cut");
    EXPECT_THROW(decode_content("zstd", "no zstd"), std::runtime_error);
    EXPECT_THROW(decode_content("zstd", frame.substr(0, frame.size() - 3)), std::runtime_error);
    EXPECT_THROW(decode_content("zstd", ""), std::runtime_error);
    const auto text = below_first_line(delivery_of("no gzip", {.content_encoding = "gzip"}));
    EXPECT_EQ(text,
              "  content_encoding  gzip\n  7 bytes, not decompressed: incorrect header check, text\n    no gzip\n");
}

}  // namespace
