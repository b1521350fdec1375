// A JSON record is a message or an std::invalid_argument, and try_parse_record() agrees; a message comes back from the
// record that is made of it.
#include "record.hpp"
#include "fuzz.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace {

cli::Record parsed(const std::string& text) {
    cli::JsonReader reader;
    return cli::parse_record(reader, text);
}

bool can_be_parsed(const std::string& text) {
    cli::JsonReader reader;
    const auto with_room = text + std::string(cli::JsonReader::room_behind, '}');
    return cli::try_parse_record(reader, std::string_view(with_room).substr(0, text.size())).has_value();
}

std::string formatted(cli::Record record) {
    rabbit::Delivery delivery;
    delivery.address = {record.exchange.value_or(""), record.routing_key.value_or("")};
    delivery.message = std::move(record.message);
    std::string json;
    cli::append_record(json, delivery, [] {});
    return json;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(text_of(data, size));
    cli::Record record;
    try {
        record = parsed(text);
    } catch (const std::invalid_argument&) {
        require(!can_be_parsed(text));
        return 0;
    }
    require(can_be_parsed(text));
    const auto body = record.message.body;
    const auto once = formatted(std::move(record));
    auto again = parsed(once);
    require(again.message.body == body);
    require(formatted(std::move(again)) == once);
    return 0;
}
