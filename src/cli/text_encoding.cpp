#include "text_encoding.hpp"

#include <openssl/evp.h>
#include <simdjson.h>

#include <algorithm>
#include <stdexcept>

namespace cli {

bool is_utf8(std::string_view bytes) {
    return simdjson::validate_utf8(bytes.data(), bytes.size());
}

std::string_view cut_utf8(std::string_view text, std::size_t most) {
    const auto continues = [text](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80; };
    if (text.size() <= most) {
        return text;
    }
    auto end = most;
    while (end > 0 && most - end < 3 && continues(end)) {
        --end;
    }
    return text.substr(0, end);
}

std::string to_base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::string from_base64(std::string_view text) {
    constexpr auto alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto digits = std::min(text.size(), text.find_last_not_of('=') + 1);
    const auto padding = text.size() - digits;
    if (text.size() % 4 != 0 || padding > 2 ||
        text.substr(0, digits).find_first_not_of(alphabet) != std::string_view::npos) {
        throw std::invalid_argument("it is not base64");
    }
    std::string bytes(text.size() / 4 * 3, '\0');
    EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), reinterpret_cast<const unsigned char*>(text.data()),
                    static_cast<int>(text.size()));
    bytes.resize(bytes.size() - padding);
    return bytes;
}

}  // namespace cli
