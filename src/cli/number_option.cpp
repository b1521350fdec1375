#include "number_option.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string>

namespace cli {

CLI::Validator number_between(double least, double most) {
    return CLI::Validator(
        [least, most](const std::string& text) -> std::string {
            double number = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
            const bool whole = error == std::errc() && end == text.data() + text.size();
            return whole && number >= least && number <= most
                       ? ""
                       : fmt::format("'{}' is not a number from {} to {}", text, least, most);
        },
        "");
}

}  // namespace cli
