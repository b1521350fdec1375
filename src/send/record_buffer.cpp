#include "record_buffer.hpp"

#include "json_reader.hpp"

#include <algorithm>
#include <utility>

namespace sending {
namespace {

constexpr std::size_t least_read = std::size_t{64} << 10;  ///< the least that there is room for before a read
constexpr std::size_t most_read = std::size_t{256} << 10;  ///< at once
constexpr std::size_t least_large = most_read;             ///< a record
constexpr std::size_t usual_block = std::size_t{1} << 20;  ///< for many records

}  // namespace

/// The size of the record that is there in part, with its delimiter. A large one is expected to be as large as those before
/// it. 0: nothing is known.
std::size_t RecordBuffer::expected_size() const noexcept {
    const auto held = bytes().size();
    const bool large = after_large_ || held >= least_large;
    return large && held <= large_size_ ? large_size_ + 1 : 0;
}

/// A block that records share is filled, and then left to them. Large records have a block each. They are read in few steps,
/// but not far beyond their end, since what follows has to be copied to the next block.
std::span<char> RecordBuffer::make_room() {
    const auto held = bytes().size();
    const auto expected = expected_size();
    const auto missing = expected - std::min(held, expected);
    const bool used_up = begin_ > 0 && block_size_ > usual_block && expected == 0;
    if (block_.use_count() == 1 && begin_ > 0 && !used_up) {
        move_to(block_.get());
    }
    if (used_up || block_size_ - end_ < std::max(missing, least_read)) {
        block_size_ = std::max(expected > 0 ? expected + least_read : usual_block, 2 * held + least_read);
        auto block = std::make_shared_for_overwrite<char[]>(block_size_ + cli::JsonReader::room_behind);
        move_to(block.get());
        block_ = std::move(block);
    }
    const auto most = expected > 0 ? std::clamp(missing, least_read, most_read) : most_read;
    return {block_.get() + end_, std::min(most, block_size_ - end_)};
}

void RecordBuffer::move_to(char* front) {
    std::copy(block_.get() + begin_, block_.get() + end_, front);
    end_ -= std::exchange(begin_, 0);
}

rabbit::Body RecordBuffer::take(std::size_t size) {
    const auto record = bytes().substr(0, size);
    skip(size);
    return {record, block_};
}

void RecordBuffer::skip(std::size_t size) noexcept {
    after_large_ = size >= least_large;
    if (after_large_) {
        large_size_ = std::max(size, large_size_ - large_size_ / 8);
    }
    drop(size);
}

}  // namespace sending
