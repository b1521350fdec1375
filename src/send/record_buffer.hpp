#pragma once

#include "rabbit/body.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace sending {

/// What has been read and belongs to no record yet. Records are not copied: they share the memory that they were read into,
/// which is there until the last of those that share it is gone.
class RecordBuffer {
public:
    /// They stay in place until make_room(). cli::JsonReader::room_behind bytes can be read behind them.
    [[nodiscard]] std::string_view bytes() const noexcept { return {block_.get() + begin_, end_ - begin_}; }

    /// Room behind them for the next read, 64 to 256 KiB.
    std::span<char> make_room();
    /// So many bytes have been read there.
    void add(std::size_t count) noexcept { end_ += count; }

    /// Takes out a record of so many bytes.
    rabbit::Body take(std::size_t size);
    /// The same where nobody needs the record.
    void skip(std::size_t size) noexcept;
    /// Takes out bytes that belong to no record.
    void drop(std::size_t count) noexcept { begin_ += count; }

private:
    [[nodiscard]] std::size_t expected_size() const noexcept;
    void move_to(char* front);

    std::shared_ptr<char[]> block_;
    std::size_t block_size_ = 0;  ///< without the room for cli::JsonReader
    std::size_t begin_ = 0;       ///< of bytes(), in block_
    std::size_t end_ = 0;
    std::size_t large_size_ = 0;  ///< of the last large records
    bool after_large_ = false;    ///< the last record is one
};

}  // namespace sending
