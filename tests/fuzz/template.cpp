// A template is refused with a Failure of code `usage` before there is a message, or fits every message.
#include "template.hpp"
#include "failure.hpp"
#include "fuzz.hpp"

#include <limits>
#include <memory>
#include <optional>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace {

rabbit::Delivery full_delivery() {
    rabbit::Properties properties;
    properties.content_type = "text/plain";
    properties.headers = rabbit::Table{{"a", {"b"}}};
    properties.delivery_mode = 2;
    properties.priority = 255;
    properties.message_id = "\xff{}";
    properties.timestamp = rabbit::Timestamp{std::numeric_limits<std::uint64_t>::max()};
    rabbit::Delivery delivery;
    delivery.delivery_tag = std::numeric_limits<std::uint64_t>::max();
    delivery.redelivered = true;
    delivery.address = {"exchange", "routing key"};
    delivery.message = {"\xc3\xa4\xff body", std::make_shared<const rabbit::Properties>(properties)};
    return delivery;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    static const auto full = full_delivery();
    std::optional<cli::Template> compiled;
    try {
        compiled.emplace(std::string(text_of(data, size)));
    } catch (const cli::Failure& failure) {
        require(failure.code() == cli::ExitCode::usage);
        return 0;
    }
    cli::Output output(nowhere);
    compiled->write(output, full);
    compiled->write(output, {});
    return 0;
}
