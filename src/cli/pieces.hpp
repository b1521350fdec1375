#pragma once

#include "text_encoding.hpp"

#include <cstddef>
#include <functional>
#include <string_view>

namespace cli {

/// Called between the pieces of a large body. It may empty the string that they are appended to.
using MakeRoom = std::function<void()>;

/// The first `most` bytes of a text of any encoding.
inline std::string_view cut_anywhere(std::string_view text, std::size_t most) {
    return text.substr(0, most);
}

/// Calls `use` with one piece of a text after the other, so that what is made of each takes little memory, and
/// `make_room` between them. `cut` is cut_anywhere() or cut_utf8(). With cut_anywhere() all pieces but the last are
/// whole groups of three bytes, as base64 needs them.
template <class Cut, class Use>
void in_pieces(std::string_view text, Cut cut, const MakeRoom& make_room, Use use) {
    constexpr std::size_t most = std::size_t{48} * 1024;
    static_assert(most % 3 == 0);
    while (text.size() > most) {
        const auto piece = cut(text, most);
        use(piece);
        make_room();
        text.remove_prefix(piece.size());
    }
    use(text);
}

}  // namespace cli
