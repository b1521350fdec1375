#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cli {

bool is_utf8(std::string_view bytes);

/// The first `most` bytes, or up to 3 fewer: the cut goes through no character of UTF-8.
std::string_view cut_utf8(std::string_view text, std::size_t most);

std::string to_base64(std::string_view bytes);
/// Throws std::invalid_argument for text that is not base64 (RFC 4648, section 4).
std::string from_base64(std::string_view text);

}  // namespace cli
