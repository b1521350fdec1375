// A JSON record is a message or an std::invalid_argument; a message comes back from the record that is made of it.
#include "record.hpp"
#include "fuzz.hpp"

#include <stdexcept>
#include <string>
#include <utility>

namespace {

cli::Record parsed(const std::string& text) {
    cli::JsonReader reader;
    return cli::parse_record(reader, text);
}

std::string formatted(cli::Record record) {
    rabbit::Delivery delivery;
    delivery.address = {record.exchange.value_or(""), record.routing_key.value_or("")};
    delivery.message = std::move(record.message);
    return cli::format_record(delivery);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    cli::Record record;
    try {
        record = parsed(std::string(text_of(data, size)));
    } catch (const std::invalid_argument&) {
        return 0;
    }
    const auto body = record.message.body;
    const auto once = formatted(std::move(record));
    auto again = parsed(once);
    require(again.message.body == body);
    require(formatted(std::move(again)) == once);
    return 0;
}
