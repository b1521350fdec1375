#pragma once

#include "rabbit/table.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace simdjson::dom {
class element;
class parser;
}  // namespace simdjson::dom

namespace cli {

/// Text that is not JSON; `offset` is where it stops being so.
class NotJson : public std::invalid_argument {
public:
    NotJson(std::size_t offset, const std::string& text) : std::invalid_argument(text), offset_(offset) {}

    [[nodiscard]] std::size_t offset() const noexcept { return offset_; }

private:
    std::size_t offset_;
};

/// Reads JSON texts one after the other, each into the memory of the one before.
class JsonReader {
public:
    /// Bytes behind a text that try_read() may look at.
    static constexpr std::size_t room_behind = 64;

    JsonReader();
    ~JsonReader();

    /// Copies the text. Its value is there until the next call. Throws NotJson, or another std::invalid_argument for a
    /// number of more than 64 bits and for what is nested too deep.
    simdjson::dom::element read(std::string_view text);

    /// The same without the copy. `room_behind` bytes behind the text must be readable. Empty where read() would throw.
    std::optional<simdjson::dom::element> try_read(std::string_view text);

private:
    void allow_nesting(std::size_t size);

    std::unique_ptr<simdjson::dom::parser> parser_;
};

/// The inverse of append_json(). Of members with the same name the last one counts. Throws std::invalid_argument with a
/// text that says what is wrong.
rabbit::Value value_of_json(const simdjson::dom::element& json);
rabbit::Table table_of_json(const simdjson::dom::element& json);
/// The inverse of append_json_text().
std::string text_of_json(const simdjson::dom::element& json);
/// The same without a copy where `json` has the text as it is; otherwise it is put in `decoded`.
std::string_view view_text(const simdjson::dom::element& json, std::string& decoded);

/// A value for an error message, shortened if it is long.
std::string shown(const simdjson::dom::element& json);

}  // namespace cli
