#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cli {

struct DecodedContent {
    std::string bytes;
    bool whole = true;  ///< false: there is more, and it was not decompressed
};

/// `bytes` decompressed, if `encoding` (a content-encoding) is gzip, deflate or zstd; empty: it is none of these. At most
/// a thousand times the size of `bytes` is decompressed, but up to 1 MiB in any case and 16 MiB in no case. Throws
/// std::runtime_error if they cannot be decompressed.
std::optional<DecodedContent> decode_content(std::string_view encoding, std::string_view bytes);

}  // namespace cli
