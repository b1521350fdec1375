#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace rabbit {

struct Value;
struct Field;

using Array = std::vector<Value>;
/// A field table in the order of the wire (AMQP 0-9-1, section 4.2.5.5).
using Table = std::vector<Field>;

/// Seconds since 1970-01-01 00:00 UTC (section 4.2.5.4).
struct Timestamp {
    std::uint64_t seconds = 0;
    auto operator<=>(const Timestamp&) const = default;
};

/// value / 10^scale.
struct Decimal {
    std::uint8_t scale = 0;
    std::uint32_t value = 0;
    auto operator<=>(const Decimal&) const = default;
};

/// A byte array, type 'x': unlike a string it claims no encoding.
struct Bytes {
    std::string data;
    auto operator<=>(const Bytes&) const = default;
};

/// One field's value. The alternatives are the field types that RabbitMQ reads and writes
/// (https://www.rabbitmq.com/amqp-0-9-1-errata, section 3), each kept apart so that none is lost on the way.
struct Value {
    using Variant = std::variant<std::monostate, bool, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t,
                                 std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, float, double, Decimal,
                                 Timestamp, std::string, Bytes, Array, Table>;
    Variant data;
    /// The same type and the same bytes on the wire: NaN equals itself, and 0.0 is not -0.0.
    bool operator==(const Value&) const;
};

struct Field {
    std::string name;
    Value value;
    bool operator==(const Field&) const = default;
};

/// How deep a table's values may be nested, so that this library and the rabbitmq-c it runs with can read it: 1 for a
/// table without arrays and tables in it. rabbitmq-c has had a limit since 0.15.
int deepest_nesting();

}  // namespace rabbit
