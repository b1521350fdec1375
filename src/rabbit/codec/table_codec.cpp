#include "codec/table_codec.hpp"

#include "rabbit/error.hpp"

#include <fmt/format.h>

namespace rabbit {
namespace {

template <class... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

/// AMQP sets no limit, the stack does. RabbitMQ's own tables nest two or three deep.
constexpr int deepest = 512;

[[noreturn]] void refuse(const std::string& cause) {
    throw Error(ErrorKind::lost, "cannot read a table from the broker", cause);
}

Array copy_array(const amqp_array_t& array, int depth);
Table copy_table_at(const amqp_table_t& table, int depth);

Value copy_value(const amqp_field_value_t& field, int depth) {
    if (depth > deepest) {
        refuse(fmt::format("it is nested more than {} deep", deepest));
    }
    switch (field.kind) {
        case AMQP_FIELD_KIND_VOID: return {std::monostate()};
        case AMQP_FIELD_KIND_BOOLEAN: return {field.value.boolean != 0};
        case AMQP_FIELD_KIND_I8: return {field.value.i8};
        case AMQP_FIELD_KIND_U8: return {field.value.u8};
        case AMQP_FIELD_KIND_I16: return {field.value.i16};
        case AMQP_FIELD_KIND_U16: return {field.value.u16};
        case AMQP_FIELD_KIND_I32: return {field.value.i32};
        case AMQP_FIELD_KIND_U32: return {field.value.u32};
        case AMQP_FIELD_KIND_I64: return {field.value.i64};
        case AMQP_FIELD_KIND_U64: return {field.value.u64};
        case AMQP_FIELD_KIND_F32: return {field.value.f32};
        case AMQP_FIELD_KIND_F64: return {field.value.f64};
        case AMQP_FIELD_KIND_DECIMAL:
            return {Decimal{field.value.decimal.decimals, field.value.decimal.value}};
        case AMQP_FIELD_KIND_TIMESTAMP: return {Timestamp{field.value.u64}};
        case AMQP_FIELD_KIND_UTF8: return {copy(field.value.bytes)};
        case AMQP_FIELD_KIND_BYTES: return {Bytes{copy(field.value.bytes)}};
        case AMQP_FIELD_KIND_ARRAY: return {copy_array(field.value.array, depth)};
        case AMQP_FIELD_KIND_TABLE: return {copy_table_at(field.value.table, depth)};
        default:
            refuse(fmt::format("field type {} is unknown", static_cast<int>(field.kind)));
    }
}

Array copy_array(const amqp_array_t& array, int depth) {
    Array result;
    for (int i = 0; i < array.num_entries; ++i) {
        result.push_back(copy_value(array.entries[i], depth + 1));
    }
    return result;
}

Table copy_table_at(const amqp_table_t& table, int depth) {
    Table result;
    for (int i = 0; i < table.num_entries; ++i) {
        result.push_back({copy(table.entries[i].key), copy_value(table.entries[i].value, depth + 1)});
    }
    return result;
}

}  // namespace

Table copy_table(const amqp_table_t& table) {
    return copy_table_at(table, 0);
}

amqp_table_t TableView::view_of(const Table& table) {
    auto& entries = entries_.emplace_back();
    entries.reserve(table.size());
    for (const auto& [name, value] : table) {
        check_short_string("table field name", name);
        entries.push_back({to_amqp(name), view_of(value)});
    }
    return {static_cast<int>(entries.size()), entries.data()};
}

amqp_array_t TableView::view_of(const Array& array) {
    auto& values = values_.emplace_back();
    values.reserve(array.size());
    for (const auto& value : array) {
        values.push_back(view_of(value));
    }
    return {static_cast<int>(values.size()), values.data()};
}

amqp_field_value_t TableView::view_of(const Value& value) {
    amqp_field_value_t field{};
    const auto set = [&field](amqp_field_value_kind_t kind, auto& member, auto content) {
        field.kind = static_cast<std::uint8_t>(kind);
        member = content;
    };
    std::visit(
        Overloaded{
            [&](std::monostate) { field.kind = AMQP_FIELD_KIND_VOID; },
            [&](bool v) { set(AMQP_FIELD_KIND_BOOLEAN, field.value.boolean, v); },
            [&](std::int8_t v) { set(AMQP_FIELD_KIND_I8, field.value.i8, v); },
            [&](std::uint8_t v) { set(AMQP_FIELD_KIND_U8, field.value.u8, v); },
            [&](std::int16_t v) { set(AMQP_FIELD_KIND_I16, field.value.i16, v); },
            [&](std::uint16_t v) { set(AMQP_FIELD_KIND_U16, field.value.u16, v); },
            [&](std::int32_t v) { set(AMQP_FIELD_KIND_I32, field.value.i32, v); },
            [&](std::uint32_t v) { set(AMQP_FIELD_KIND_U32, field.value.u32, v); },
            [&](std::int64_t v) { set(AMQP_FIELD_KIND_I64, field.value.i64, v); },
            [&](std::uint64_t v) { set(AMQP_FIELD_KIND_U64, field.value.u64, v); },
            [&](float v) { set(AMQP_FIELD_KIND_F32, field.value.f32, v); },
            [&](double v) { set(AMQP_FIELD_KIND_F64, field.value.f64, v); },
            [&](const Decimal& v) {
                set(AMQP_FIELD_KIND_DECIMAL, field.value.decimal, amqp_decimal_t{v.scale, v.value});
            },
            [&](const Timestamp& v) { set(AMQP_FIELD_KIND_TIMESTAMP, field.value.u64, v.seconds); },
            [&](const std::string& v) { set(AMQP_FIELD_KIND_UTF8, field.value.bytes, to_amqp(v)); },
            [&](const Bytes& v) { set(AMQP_FIELD_KIND_BYTES, field.value.bytes, to_amqp(v.data)); },
            [&](const Array& v) { set(AMQP_FIELD_KIND_ARRAY, field.value.array, view_of(v)); },
            [&](const Table& v) { set(AMQP_FIELD_KIND_TABLE, field.value.table, view_of(v)); },
        },
        value.data);
    return field;
}

}  // namespace rabbit
