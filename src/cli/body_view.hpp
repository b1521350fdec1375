#pragma once

#include <string>
#include <string_view>

namespace cli {

/// A body for people, as lines that are safe on a terminal.
struct BodyView {
    const char* kind;   ///< "JSON", "text" or "binary"
    std::string lines;  ///< each with a newline at its end
    bool whole = true;  ///< false: it was cut
};

/// JSON is indented, other text left as it is but for control characters, which are escaped; anything else is a hex
/// dump. Cut after some 4 KiB or 40 lines. Each line begins with `margin`.
BodyView view_body(std::string_view body, std::string_view margin);

}  // namespace cli
