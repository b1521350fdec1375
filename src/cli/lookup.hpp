#pragma once

#include "rabbit/table.hpp"

#include <algorithm>
#include <string_view>
#include <variant>

namespace cli {

/// The first field of this name, if its value has this type; otherwise null.
template <class Type>
const Type* find(const rabbit::Table& table, std::string_view name) {
    const auto found =
        std::find_if(table.begin(), table.end(), [name](const rabbit::Field& each) { return each.name == name; });
    return found == table.end() ? nullptr : std::get_if<Type>(&found->value.data);
}

/// The first value, if there is one and it has this type; otherwise null.
template <class Type>
const Type* first(const rabbit::Array* array) {
    return array && !array->empty() ? std::get_if<Type>(&array->front().data) : nullptr;
}

}  // namespace cli
