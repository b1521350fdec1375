#include "stream_offset.hpp"

#include "failure.hpp"
#include "parse_number.hpp"

#include <cstdint>
#include <ctime>
#include <limits>
#include <string_view>

namespace receiving {
namespace {

/// A number and a unit of the broker's: 10m.
bool is_interval(std::string_view text) {
    constexpr std::string_view units = "YMDhms";
    return text.size() > 1 && units.find(text.back()) != std::string_view::npos &&
           cli::parse_number<std::uint32_t>(text.substr(0, text.size() - 1)).has_value();
}

}  // namespace

rabbit::Value parse_offset(const std::string& text) {
    if (text == "first" || text == "last" || text == "next") {
        return {text};
    }
    if (is_interval(text)) {
        return {text};
    }
    if (const auto offset = cli::parse_number<std::int64_t>(text, 0, std::numeric_limits<std::int64_t>::max())) {
        return {*offset};
    }
    if (const auto seconds = cli::parse_number<std::uint64_t>(text.substr(1)); seconds && text.starts_with('@')) {
        return {rabbit::Timestamp{*seconds}};
    }
    std::tm time{};
    const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &time);
    if (!end || *end != '\0') {
        throw cli::UsageError("--offset '" + text +
                              "': expected first, last, next, a number, @SECONDS, a time like "
                              "2026-01-31T12:00:00Z, or how long ago, as 10m, 1h or 7D");
    }
    return {rabbit::Timestamp{static_cast<std::uint64_t>(timegm(&time))}};
}

}  // namespace receiving
