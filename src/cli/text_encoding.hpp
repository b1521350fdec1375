#pragma once

#include <string>
#include <string_view>

namespace cli {

bool is_utf8(std::string_view bytes);

std::string to_base64(std::string_view bytes);
/// Throws std::invalid_argument for text that is not base64 (RFC 4648, section 4).
std::string from_base64(std::string_view text);

}  // namespace cli
