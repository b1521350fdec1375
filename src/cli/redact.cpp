#include "redact.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace cli {
namespace {

/// Of one URL, from the end of its scheme on. Without an '@', what looks like the port may be a password.
void blot_out_password(char* begin, char* const end) {
    if (begin != end && *begin == '[') {
        const auto bracket = std::find(begin, end, ']');
        begin = bracket == end ? begin : bracket;
    }
    char* const password = std::min(std::find(begin, end, ':') + 1, end);
    char* const at = std::find(std::make_reverse_iterator(end), std::make_reverse_iterator(password), '@').base();
    static constexpr std::string_view ends = "/?# '";
    char* const password_end = at != password ? at - 1 : std::find_first_of(password, end, ends.begin(), ends.end());
    if (at != password || !std::all_of(password, password_end, [](char c) { return c >= '0' && c <= '9'; })) {
        std::fill(password, password_end, '*');
    }
}

}  // namespace

void blot_out_passwords(char* const text, char* const text_end) {
    static constexpr std::string_view next_url = ",amqp";
    for (char* at = text; (at = std::find(at, text_end, ':')) != text_end;) {
        const std::string_view before(text, at);
        const std::string_view after(++at, text_end);
        if (after.starts_with("//") || before.ends_with("amqp") || before.ends_with("amqps")) {
            at = std::find_if(at, text_end, [](char c) { return c != '/'; });
            char* const end = std::search(at, text_end, next_url.begin(), next_url.end());
            blot_out_password(at, end);
            at = end;
        }
    }
}

}  // namespace cli
