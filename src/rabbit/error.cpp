#include "rabbit/error.hpp"

#include <fmt/format.h>

namespace rabbit {

Error::Error(ErrorKind kind, std::string_view operation, std::string_view cause, int reply_code)
    : std::runtime_error(fmt::format("{}: {}", operation, cause)),
      kind_(kind),
      reply_code_(reply_code),
      operation_(operation),
      cause_(cause) {}

void refuse_short_string(std::string_view what, std::size_t size) {
    throw Error(ErrorKind::invalid, fmt::format("{} of {} bytes", what, size),
                fmt::format("AMQP allows {} at most; shorten it", longest_short_string));
}

}  // namespace rabbit
