#include "json_splitter.hpp"

#include "find_first.hpp"

#include <fmt/format.h>

namespace sending {
namespace {

/// Deeper than any header can be sent; what is nested deeper is refused without being kept.
constexpr std::size_t deepest = 10'000;

/// A byte order mark counts as space.
bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\xEF' || c == '\xBB' || c == '\xBF';
}

/// Of a number, true, false or null.
bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' ||
           c == '.';
}

}  // namespace

std::size_t JsonSplitter::scan(std::string_view bytes) {
    complete_ = false;
    size_ = outside() ? 0 : size_;
    std::size_t at = 0;
    while (at < bytes.size() && !complete_) {
        if (in_string() && !escaped_) {
            const auto plain =
                cli::find_first(bytes.substr(at), [](char c) { return c == '"' || c == '\\' || c == '\n'; });
            at += plain;
            size_ += plain;
        }
        if (at < bytes.size()) {
            take(bytes[at++]);
            size_ += complete_ || !outside() ? 1 : 0;
        }
    }
    return at;
}

void JsonSplitter::check_end() const {
    if (!outside()) {
        throw MalformedJson(first_line_, "the input ends in the middle of this record");
    }
    if (!open_.empty()) {
        throw MalformedJson(line_, "the input ends in the middle of an array");
    }
}

void JsonSplitter::take(char c) {
    line_ += c == '\n' ? 1 : 0;
    if (in_string()) {
        if (escaped_ || c != '"') {
            escaped_ = !escaped_ && c == '\\';
            return;
        }
        expected_ = token_ == Token::name ? Expected::colon : Expected::comma_or_end;
        token_ = Token::none;
        return;
    }
    if (token_ == Token::word && !is_word(c)) {
        token_ = Token::none;
    }
    if (token_ == Token::word || is_space(c)) {
        return;
    }
    switch (expected_) {
        case Expected::value: return take_value(c);
        case Expected::value_or_end: return c == ']' ? close(c) : take_value(c);
        case Expected::name:
        case Expected::name_or_end:
            if (c == '"') {
                token_ = Token::name;
                return;
            }
            return c == '}' && expected_ == Expected::name_or_end ? close(c) : refuse(c);
        case Expected::colon:
            if (c != ':') {
                refuse(c);
            }
            expected_ = Expected::value;
            return;
        case Expected::comma_or_end:
            if (c != ',') {
                return close(c);
            }
            expected_ = open_.back() == '{' ? Expected::name : Expected::value;
    }
}

void JsonSplitter::take_value(char c) {
    if (c == '{' || (c == '[' && open_ != "[")) {
        return open(c);
    }
    if (outside()) {
        refuse(c);
    }
    if (c == '"') {
        token_ = Token::string;
    } else if (is_word(c)) {
        token_ = Token::word;
    } else {
        refuse(c);
    }
    expected_ = Expected::comma_or_end;
}

void JsonSplitter::open(char bracket) {
    if (open_.size() == deepest) {
        throw MalformedJson(line_, fmt::format("it is nested more than {} deep", deepest));
    }
    if (outside()) {
        first_line_ = line_;
    }
    open_ += bracket;
    expected_ = bracket == '{' ? Expected::name_or_end : Expected::value_or_end;
}

void JsonSplitter::close(char bracket) {
    if (bracket != (open_.back() == '{' ? '}' : ']')) {
        refuse(bracket);
    }
    open_.pop_back();
    complete_ = bracket == '}' && outside();
    expected_ = open_.empty() ? Expected::value : Expected::comma_or_end;
}

void JsonSplitter::refuse(char c) const {
    const auto wanted = [this] {
        const bool in_object = !open_.empty() && open_.back() == '{';
        switch (expected_) {
            case Expected::name: return "a name in double quotes";
            case Expected::name_or_end: return "a name in double quotes or '}'";
            case Expected::colon: return "':'";
            case Expected::comma_or_end: return in_object ? "',' or '}'" : "',' or ']'";
            default: return outside() ? "a JSON object" : "a value";
        }
    };
    const auto found =
        c >= ' ' && c <= '~' ? fmt::format("'{}'", c) : fmt::format("byte 0x{:02x}", static_cast<unsigned char>(c));
    throw MalformedJson(line_, fmt::format("expected {}, found {}", wanted(), found));
}

}  // namespace sending
