// Whatever a message holds, nothing of it reaches a terminal that moves the cursor or hides text.
#include "pretty.hpp"
#include "fuzz.hpp"
#include "terminal_safety.hpp"

#include <memory>
#include <string>

namespace {

/// The part of `text` up to its first NUL, which is taken off.
std::string take(std::string_view& text) {
    const auto end = std::min(text.find('\0'), text.size());
    std::string part(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto text = text_of(data, size);
    rabbit::Properties properties;
    properties.content_encoding = take(text);
    properties.type = take(text);
    const auto name = take(text);
    properties.headers = rabbit::Table{{name, {take(text)}}};
    rabbit::Delivery delivery;
    delivery.address = {take(text), take(text)};
    delivery.message = {std::string(text), std::make_shared<const rabbit::Properties>(properties)};
    require(is_safe(cli::pretty(delivery, {}, false)));
    return 0;
}
