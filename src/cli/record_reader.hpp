#pragma once

#include "json_reader.hpp"
#include "properties_reader.hpp"
#include "rabbit/body_maker.hpp"
#include "record.hpp"

#include <optional>
#include <string_view>

namespace cli {

/// Reads records of JSON one after the other.
class RecordReader {
public:
    /// Any field may be missing; an unknown one is an error, since it may be a misspelt one. Throws NotJson, or another
    /// std::invalid_argument, with a text that says what is wrong.
    Record read(std::string_view text);

    /// The same for a text behind which JsonReader::room_behind bytes can be read. Empty where read() would throw.
    std::optional<Record> try_read(std::string_view text);

private:
    Record record_of(const simdjson::dom::element& json);
    rabbit::Body body_of(std::string_view payload, std::string_view encoding);

    JsonReader json_;
    rabbit::BodyMaker bodies_;
    PropertiesReader properties_;
};

}  // namespace cli
