#pragma once

#include "codec/amqp.hpp"
#include "rabbit/message.hpp"
#include "rabbit/table.hpp"

#include <array>
#include <cstddef>
#include <list>
#include <memory_resource>
#include <vector>

namespace rabbit {

/// A Table in rabbitmq-c's form, for sending. Points into the Table, which must outlive it. Throws ErrorKind::invalid
/// for a table that no AMQP frame can hold, or that copy_table() or rabbitmq-c would not read back.
class TableView {
public:
    explicit TableView(const Table& table);
    TableView(const TableView&) = delete;
    TableView& operator=(const TableView&) = delete;

    [[nodiscard]] amqp_table_t get() const noexcept { return table_; }

private:
    amqp_table_t view_of(const Table& table, int depth);
    amqp_array_t view_of(const Array& array, int depth);
    amqp_field_value_t view_of(const Value& value, int depth);

    std::array<std::byte, 512> usual_;  ///< enough for most; not cleared
    std::pmr::monotonic_buffer_resource memory_{usual_.data(), usual_.size()};
    std::pmr::list<std::pmr::vector<amqp_table_entry_t>> entries_{&memory_};  ///< of each table
    std::pmr::list<std::pmr::vector<amqp_field_value_t>> values_{&memory_};   ///< of each array
    amqp_table_t table_;
};

/// Copies a received table. Throws ErrorKind::lost on a field type that AMQP does not have and on one that is nested too
/// deep to be copied, formatted and destroyed by functions that call themselves.
Table copy_table(const amqp_table_t& table);

}  // namespace rabbit
