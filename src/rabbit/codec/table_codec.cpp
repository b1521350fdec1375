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
constexpr int deepest_copied = 512;

/// Every rabbitmq-c decodes values that are nested this deep. Finding its limit takes a noticeable part of the time in
/// which `send` starts.
constexpr int surely_decoded = 16;

/// Whether rabbitmq-c decodes a table in which a value is nested this deep.
bool is_decoded(int depth) {
    // Arrays in an array in a table, each the last field of the one around it: the empty name and 'A' begin the first,
    // 'A' each of the others, and each has a size.
    std::string encoded(std::size_t{4} + 1 + 5 * static_cast<std::size_t>(depth), 'A');
    for (std::size_t at = 0; at < encoded.size(); at += at == 0 ? 6 : 5) {
        const auto size = encoded.size() - at - 4;
        for (std::size_t i = 0; i < 4; ++i) {
            encoded[at + i] = static_cast<char>(size >> (24 - 8 * i));
        }
    }
    encoded[4] = 0;
    amqp_pool_t pool;
    init_amqp_pool(&pool, 4096);
    amqp_table_t table;
    std::size_t offset = 0;
    const int status = amqp_decode_table(to_amqp(encoded), &pool, &table, &offset);
    empty_amqp_pool(&pool);
    return status >= 0;
}

[[noreturn]] void malformed_table(const std::string& cause) {
    throw Error(ErrorKind::lost, "cannot read a table from the broker", cause);
}

Array copy_array(const amqp_array_t& array, int depth);
Table copy_table_at(const amqp_table_t& table, int depth);

Value copy_value(const amqp_field_value_t& field, int depth) {
    if (depth > deepest_copied) {
        malformed_table(fmt::format("it is nested more than {} deep", deepest_copied));
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
        case AMQP_FIELD_KIND_DECIMAL: return {Decimal{field.value.decimal.decimals, field.value.decimal.value}};
        case AMQP_FIELD_KIND_TIMESTAMP: return {Timestamp{field.value.u64}};
        case AMQP_FIELD_KIND_UTF8: return {copy(field.value.bytes)};
        case AMQP_FIELD_KIND_BYTES: return {Bytes{copy(field.value.bytes)}};
        case AMQP_FIELD_KIND_ARRAY: return {copy_array(field.value.array, depth)};
        case AMQP_FIELD_KIND_TABLE: return {copy_table_at(field.value.table, depth)};
        default: malformed_table(fmt::format("field type {} is unknown", static_cast<int>(field.kind)));
    }
}

Array copy_array(const amqp_array_t& array, int depth) {
    Array result;
    result.reserve(static_cast<std::size_t>(array.num_entries));
    for (int i = 0; i < array.num_entries; ++i) {
        result.push_back(copy_value(array.entries[i], depth + 1));
    }
    return result;
}

Table copy_table_at(const amqp_table_t& table, int depth) {
    Table result;
    result.reserve(static_cast<std::size_t>(table.num_entries));
    for (int i = 0; i < table.num_entries; ++i) {
        result.push_back({copy(table.entries[i].key), copy_value(table.entries[i].value, depth + 1)});
    }
    return result;
}

}  // namespace

int deepest_nesting() {
    static const int deepest = [] {
        int decoded = 0;
        for (int step = deepest_copied; step > 0; step /= 2) {
            while (decoded + step <= deepest_copied && is_decoded(decoded + step)) {
                decoded += step;
            }
        }
        return decoded;
    }();
    return deepest;
}

Table copy_table(const amqp_table_t& table) {
    return copy_table_at(table, 0);
}

TableView::TableView(const Table& table) : table_(view_of(table, 0)) {}

/// `depth`: how deep the table is nested.
amqp_table_t TableView::view_of(const Table& table, int depth) {
    auto& entries = entries_.emplace_back();
    entries.reserve(table.size());
    for (const auto& [name, value] : table) {
        check_short_string("table field name", name);
        entries.push_back({to_amqp(name), view_of(value, depth + 1)});
    }
    return {static_cast<int>(entries.size()), entries.data()};
}

amqp_array_t TableView::view_of(const Array& array, int depth) {
    auto& values = values_.emplace_back();
    values.reserve(array.size());
    for (const auto& value : array) {
        values.push_back(view_of(value, depth + 1));
    }
    return {static_cast<int>(values.size()), values.data()};
}

amqp_field_value_t TableView::view_of(const Value& value, int depth) {
    if (depth > surely_decoded && depth > deepest_nesting()) {
        throw Error(ErrorKind::invalid, "cannot send the headers or arguments",
                    fmt::format("they are nested more than {} deep", deepest_nesting()));
    }
    amqp_field_value_t field{};
    const auto set = [&field](amqp_field_value_kind_t kind, auto& member, auto content) {
        field.kind = static_cast<std::uint8_t>(kind);
        member = content;
    };
    std::visit(Overloaded{
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
                   [&](const Array& v) { set(AMQP_FIELD_KIND_ARRAY, field.value.array, view_of(v, depth)); },
                   [&](const Table& v) { set(AMQP_FIELD_KIND_TABLE, field.value.table, view_of(v, depth)); },
               },
               value.data);
    return field;
}

}  // namespace rabbit
