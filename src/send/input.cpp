#include "input.hpp"

#include "failure.hpp"
#include "json_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sending {
namespace {

/// The largest message that RabbitMQ can be configured to take (https://www.rabbitmq.com/docs/configure,
/// max_message_size).
constexpr std::size_t longest_record = 512U << 20;

constexpr std::size_t least_read = std::size_t{64} << 10;  ///< the least that there is room for before a read
constexpr std::size_t most_read = std::size_t{256} << 10;  ///< at once
constexpr std::size_t least_large = most_read;             ///< a record
constexpr std::size_t usual_block = std::size_t{1} << 20;  ///< for many records

[[noreturn]] void cannot_read(const std::string& file, int error) {
    throw cli::Failure(cli::ExitCode::no_input,
                       fmt::format("cannot read {}: {}", file == "-" ? "standard input" : fmt::format("'{}'", file),
                                   std::strerror(error)));
}

void check_readable(const std::string& file) {
    struct stat status {};
    if (stat(file.c_str(), &status) != 0 || access(file.c_str(), R_OK) != 0) {
        cannot_read(file, errno);
    }
    if (S_ISDIR(status.st_mode)) {
        cannot_read(file, EISDIR);
    }
}

}  // namespace

Input::Input(std::vector<std::string> files, Framing framing) : files_(std::move(files)), framing_(framing) {
    for (const auto& file : files_) {
        if (file != "-") {
            check_readable(file);
        }
    }
    size_ = size_of_files();
    open_next();
}

std::uint64_t Input::size_of_files() const {
    std::uint64_t size = 0;
    for (const auto& file : files_) {
        struct stat status {};
        const int result = file == "-" ? fstat(STDIN_FILENO, &status) : stat(file.c_str(), &status);
        if (result != 0 || !S_ISREG(status.st_mode)) {
            return 0;
        }
        const auto begin = file == "-" ? lseek(STDIN_FILENO, 0, SEEK_CUR) : 0;
        size += static_cast<std::uint64_t>(std::max<off_t>(status.st_size - begin, 0));
    }
    return size;
}

std::optional<double> Input::share() const {
    if (size_ == 0) {
        return std::nullopt;
    }
    return static_cast<double>(read_ - (end_ - begin_)) / static_cast<double>(size_);
}

void Input::open_next() {
    if (next_file_ == files_.size()) {
        ended_ = true;
        return;
    }
    const auto& file = files_[next_file_++];
    // A FIFO is not to hold up the open until somebody writes to it.
    current_.reset(file == "-" ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                               : open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!current_) {
        cannot_read(file, errno);
    }
    file_ended_ = false;
}

void Input::read() {
    const auto room = make_room();
    const auto count = ::read(current_.get(), block_.get() + end_, room);
    if (count < 0 && errno != EINTR && errno != EAGAIN) {
        cannot_read(files_[next_file_ - 1], errno);
    }
    if (count > 0) {
        end_ += static_cast<std::size_t>(count);
        read_ += static_cast<std::uint64_t>(count);
    }
    if (count == 0) {
        current_.reset();
        file_ended_ = true;
    }
}

/// The size of the record that is held in part, with its delimiter. A large one is expected to be as large as those before
/// it. 0: nothing is known.
std::size_t Input::expected_size() const noexcept {
    const auto held = end_ - begin_;
    const bool large = after_large_ || held >= least_large;
    return large && held <= large_size_ ? large_size_ + 1 : 0;
}

/// Makes room behind the bytes that are held, and returns how much to read there. A block that records share is filled and
/// then left to them. Large records have a block each. They are read in few steps, but not far beyond their end, since what
/// follows has to be copied to the next block.
std::size_t Input::make_room() {
    const auto held = end_ - begin_;
    const auto expected = expected_size();
    const auto missing = expected - std::min(held, expected);
    const bool used_up = begin_ > 0 && block_size_ > usual_block;
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
    return std::min(most, block_size_ - end_);
}

void Input::move_to(char* front) {
    std::copy(block_.get() + begin_, block_.get() + end_, front);
    searched_ -= begin_;
    end_ -= std::exchange(begin_, 0);
}

std::optional<rabbit::Body> Input::next() {
    auto record = framing_ == Framing::json ? next_object() : next_delimited();
    if (record) {
        return record;
    }
    if (searched_ - begin_ > longest_record) {
        throw cli::Failure(
            cli::ExitCode::bad_input,
            fmt::format("a record is longer than {} MiB, the most that RabbitMQ takes", longest_record >> 20));
    }
    if (!file_ended_ || ended_) {
        return record;
    }
    record = rest_of_file();
    open_next();
    if (!record) {
        return next();
    }
    return record;
}

std::optional<std::string_view> Input::line() {
    while (splitter_.between_objects()) {
        const auto bytes = not_searched();
        const auto first = bytes.find_first_not_of(" \t\r");
        if (first == std::string_view::npos) {
            break;
        }
        if (bytes[first] != '\n') {
            const bool begins_line = searched_ == 0 || block_.get()[searched_ - 1] == '\n';
            const auto end = begins_line ? bytes.find('\n', first) : std::string_view::npos;
            return end == std::string_view::npos ? std::nullopt : std::optional(bytes.substr(0, end));
        }
        skip_line(bytes.substr(0, first));
    }
    return std::nullopt;
}

void Input::skip_line(std::string_view line) {
    splitter_.skip_line();
    hand_out(line.size(), searched_ + line.size() + 1);
}

std::optional<rabbit::Body> Input::next_delimited() {
    const auto delimiter = framing_ == Framing::line ? '\n' : '\0';
    const auto size = framing_ == Framing::file ? std::string_view::npos : not_searched().find(delimiter);
    if (size == std::string_view::npos) {
        searched_ = end_;
        return std::nullopt;
    }
    return take(searched_ + size, searched_ + size + 1);
}

std::optional<rabbit::Body> Input::next_object() {
    searched_ += splitter_.scan(not_searched());
    begin_ = searched_ - splitter_.size();
    return splitter_.complete() ? std::optional(take(searched_, searched_)) : std::nullopt;
}

/// The held bytes before `next` are no longer held. `size` of them are a record.
void Input::hand_out(std::size_t size, std::size_t next) {
    after_large_ = size >= least_large;
    if (after_large_) {
        large_size_ = std::max(size, large_size_ - large_size_ / 8);
    }
    begin_ = searched_ = next;
}

/// The bytes held up to `end`; those from `next` on are left.
rabbit::Body Input::take(std::size_t end, std::size_t next) {
    const auto bytes = std::string_view(block_.get() + begin_, end - begin_);
    hand_out(bytes.size(), next);
    return {bytes, block_};
}

/// The last record of a file whose end is not marked; a file that is one record may be empty.
std::optional<rabbit::Body> Input::rest_of_file() {
    std::optional<rabbit::Body> record;
    if (framing_ == Framing::json) {
        splitter_.check_end();
        splitter_ = {};
    } else if (framing_ == Framing::file || begin_ < end_) {
        record = take(end_, end_);
    }
    begin_ = searched_ = end_;
    return record;
}

std::string Input::name() const {
    return files_.size() > 1 ? fmt::format("'{}'", files_[next_file_ - 1]) : "the input";
}

}  // namespace sending
