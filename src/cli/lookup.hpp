#pragma once

#include "rabbit/table.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <variant>

namespace cli {

/// The first field of this name, if its value has this type; otherwise null.
template <class Type>
const Type* find(const rabbit::Table& table, std::string_view name) {
    const auto found =
        std::find_if(table.begin(), table.end(), [name](const rabbit::Field& each) { return each.name == name; });
    return found == table.end() ? nullptr : std::get_if<Type>(&found->value.data);
}

/// The same for a whole number of any width that is not negative.
inline std::optional<std::uint64_t> find_count(const rabbit::Table& table, std::string_view name) {
    const auto found =
        std::find_if(table.begin(), table.end(), [name](const rabbit::Field& each) { return each.name == name; });
    if (found == table.end()) {
        return std::nullopt;
    }
    return std::visit(
        [](const auto& value) -> std::optional<std::uint64_t> {
            using Number = std::decay_t<decltype(value)>;
            if constexpr (std::is_integral_v<Number> && !std::is_same_v<Number, bool>) {
                return value < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(value));
            } else {
                return std::nullopt;
            }
        },
        found->value.data);
}

/// The first value, if there is one and it has this type; otherwise null.
template <class Type>
const Type* first(const rabbit::Array* array) {
    return array && !array->empty() ? std::get_if<Type>(&array->front().data) : nullptr;
}

}  // namespace cli
