// A JSON record is a message or an std::invalid_argument, and try_read() agrees; a message comes back from the record that
// is made of it. Two lines are two records: the second is read as if there were no first.
#include "record.hpp"
#include "fuzz.hpp"
#include "record_reader.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

cli::Record parsed(const std::string& text) {
    cli::RecordReader reader;
    return reader.read(text);
}

bool can_be_parsed(const std::string& text) {
    cli::RecordReader reader;
    const auto with_room = text + std::string(cli::JsonReader::room_behind, '}');
    return reader.try_read(std::string_view(with_room).substr(0, text.size())).has_value();
}

std::string formatted(const cli::Record& record) {
    rabbit::Delivery delivery;
    delivery.address = {record.exchange.value_or(""), record.routing_key.value_or("")};
    delivery.message = {std::string(record.body.bytes()), record.properties};
    std::string json;
    cli::append_record(json, delivery, [] {});
    return json;
}

void check(const std::string& text) {
    cli::Record record;
    try {
        record = parsed(text);
    } catch (const std::invalid_argument&) {
        require(!can_be_parsed(text));
        return;
    }
    require(can_be_parsed(text));
    const auto once = formatted(record);
    const auto again = parsed(once);
    require(again.body.bytes() == record.body.bytes());
    require(formatted(again) == once);
}

/// The record as `reader` reads it, made a text again; or why it refuses it.
std::string read_by(cli::RecordReader& reader, const std::string& text) {
    try {
        return formatted(reader.read(text));
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
}

void check_after(const std::string& before, const std::string& text) {
    cli::RecordReader alone;
    cli::RecordReader reader;
    read_by(reader, before);
    require(read_by(reader, text) == read_by(alone, text));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(text_of(data, size));
    check(text);
    const auto end_of_line = std::min(text.find('\n'), text.size());
    const auto first = text.substr(0, end_of_line);
    check_after(first, end_of_line < text.size() ? text.substr(end_of_line + 1) : first);
    return 0;
}
