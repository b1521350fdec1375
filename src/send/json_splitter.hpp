#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sending {

/// The input is not a stream of JSON objects; `line` is where it goes wrong.
class MalformedJson : public std::runtime_error {
public:
    MalformedJson(std::uint64_t line, const std::string& text) : std::runtime_error(text), line_(line) {}

    [[nodiscard]] std::uint64_t line() const noexcept { return line_; }

private:
    std::uint64_t line_;
};

/// Finds the JSON objects of a stream, whatever its line breaks: one after the other, in arrays, or both. It looks at
/// each byte once and keeps none, so an object is found as soon as its last byte is there.
///
/// It checks JSON's grammar, but neither what is in a string nor how a number or literal is spelt: those are left to
/// the parser that gets the object. Throws MalformedJson.
class JsonSplitter {
public:
    /// Goes on through the stream, at most to the end of an object. Returns the number of bytes it went through.
    std::size_t scan(std::string_view bytes);

    /// No object and no array is under way.
    [[nodiscard]] bool between_objects() const noexcept { return open_.empty(); }
    /// Goes on behind a line that the caller found to be blank or one object. Only between_objects().
    void skip_line() noexcept { first_line_ = line_++; }

    /// The last scan() came to the end of an object.
    [[nodiscard]] bool complete() const noexcept { return complete_; }
    /// How many of the bytes up to here belong to the object under way or just completed.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// The line on which that object begins, counted from 1.
    [[nodiscard]] std::uint64_t first_line() const noexcept { return first_line_; }

    /// To be called at the end of the stream: is it one?
    void check_end() const;

private:
    enum class Expected { value, value_or_end, name, name_or_end, colon, comma_or_end };
    enum class Token { none, name, string, word };

    void take(char c);
    void take_value(char c);
    void open(char bracket);
    void close(char bracket);
    [[noreturn]] void refuse(char c) const;
    /// In no object, though maybe in an array of them.
    [[nodiscard]] bool outside() const noexcept { return open_.empty() || open_ == "["; }

    [[nodiscard]] bool in_string() const noexcept { return token_ == Token::name || token_ == Token::string; }

    std::string open_;  ///< brackets, the outermost first
    Expected expected_ = Expected::value;
    Token token_ = Token::none;
    bool escaped_ = false;  ///< the last character of a string was a backslash
    bool complete_ = false;
    std::size_t size_ = 0;
    std::uint64_t line_ = 1;
    std::uint64_t first_line_ = 1;
};

}  // namespace sending
