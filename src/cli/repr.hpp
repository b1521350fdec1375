#pragma once

#include "pieces.hpp"

#include <string>
#include <string_view>

namespace cli {

/// What Python's repr gives for these bytes: b'Hello World!'.
std::string repr_bytes(std::string_view bytes);
void append_repr_bytes(std::string& to, std::string_view bytes, const MakeRoom& make_room);

/// What Python's repr gives for this text: 'Hello World!'. Printable UTF-8 stays as it is; bytes that are no UTF-8
/// come out as \xNN.
std::string repr_text(std::string_view text);

/// The same without the quotes, and without an escape for them.
std::string escape_text(std::string_view text);
void append_escaped_text(std::string& to, std::string_view text, const MakeRoom& make_room);

/// A text fit for a line on a terminal: control characters escaped, and nothing else changed.
std::string printable(std::string_view text);

}  // namespace cli
