#include "rabbit/table.hpp"

#include <bit>
#include <type_traits>

namespace rabbit {
namespace {

template <class Alternative>
bool is_same(const Alternative& a, const Alternative& b) {
    return a == b;
}

bool is_same(float a, float b) {
    return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

bool is_same(double a, double b) {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace

bool Value::operator==(const Value& other) const {
    return std::visit(
        [&other](const auto& own) {
            const auto* others = std::get_if<std::remove_cvref_t<decltype(own)>>(&other.data);
            return others && is_same(own, *others);
        },
        data);
}

}  // namespace rabbit
