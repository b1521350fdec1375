#pragma once

#include "json_reader.hpp"
#include "properties_reader.hpp"
#include "record.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cli {

/// Reads records of JSON one after the other.
class RecordReader {
public:
    /// Any field may be missing; an unknown one is an error, since it may be a misspelt one. Throws NotJson, or another
    /// std::invalid_argument, with a text that says what is wrong.
    Record read(const std::string& text);

    /// The same for a text behind which JsonReader::room_behind bytes can be read. Empty where read() would throw. The
    /// body may take the memory of `spare`.
    std::optional<Record> try_read(std::string_view text, std::string spare = {});

private:
    void read(const simdjson::dom::element& json, Record& record);

    JsonReader json_;
    PropertiesReader properties_;
};

}  // namespace cli
