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

constexpr std::size_t chunk = std::size_t{64} << 10;  ///< the least that is read at once
constexpr std::size_t usual = 4 * chunk;  ///< the buffer while no record is larger; the most of a larger one at once
constexpr std::size_t large = usual;      ///< a record

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
    make_room();
    const auto count =
        ::read(current_.get(), buffer_.data() + end_, buffer_.size() - end_ - cli::JsonReader::room_behind);
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

/// Moves the bytes that are held to the front, and makes room behind them. A large record is read in few steps, but not far
/// beyond its end, since what follows would have to be copied. It is expected to be as large as the last one.
void Input::make_room() {
    if (begin_ > 0) {
        std::copy(buffer_.data() + begin_, buffer_.data() + end_, buffer_.data());
    }
    searched_ -= begin_;
    end_ -= std::exchange(begin_, 0);
    if (buffer_.empty()) {
        buffer_.resize(usual);
    }
    const auto expected = large_size_ + 1 + cli::JsonReader::room_behind;
    const auto room = std::clamp(expected - std::min(end_, expected), chunk, usual);
    if (buffer_.size() - end_ < room) {
        if (buffer_.capacity() < end_ + room) {
            buffer_.reserve(std::max(end_ + end_ / 4, large_size_) + chunk);
        }
        buffer_.resize(end_ + room);
    }
}

std::optional<std::string> Input::next(std::string spare) {
    auto record = framing_ == Framing::json ? next_object(spare) : next_delimited(spare);
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
    record = rest_of_file(spare);
    open_next();
    if (!record) {
        return next(std::move(spare));
    }
    return record;
}

std::optional<std::string_view> Input::line() {
    while (splitter_.between_objects()) {
        const auto bytes = std::string_view(buffer_).substr(searched_, end_ - searched_);
        const auto first = bytes.find_first_not_of(" \t\r");
        if (first == std::string_view::npos) {
            break;
        }
        if (bytes[first] != '\n') {
            const bool begins_line = searched_ == 0 || buffer_[searched_ - 1] == '\n';
            const auto end = begins_line ? bytes.find('\n', first) : std::string_view::npos;
            return end == std::string_view::npos ? std::nullopt : std::optional(bytes.substr(0, end));
        }
        skip_line(bytes.substr(0, first));
    }
    return std::nullopt;
}

void Input::skip_line(std::string_view line) {
    splitter_.skip_line();
    begin_ = searched_ += line.size() + 1;
}

std::optional<std::string> Input::next_delimited(std::string& spare) {
    std::optional<std::string> record;
    const auto bytes = std::string_view(buffer_).substr(0, end_);
    const auto end =
        framing_ == Framing::file ? std::string::npos : bytes.find(framing_ == Framing::line ? '\n' : '\0', searched_);
    if (end == std::string::npos) {
        searched_ = end_;
    } else {
        record = take(end, end + 1, spare);
    }
    return record;
}

std::optional<std::string> Input::next_object(std::string& spare) {
    std::optional<std::string> record;
    searched_ += splitter_.scan(std::string_view(buffer_).substr(searched_, end_ - searched_));
    begin_ = searched_ - splitter_.size();
    if (splitter_.complete()) {
        record = take(searched_, searched_, spare);
    }
    return record;
}

/// The bytes held up to `end`; those from `next` on are left. A large record takes the buffer along instead of a copy:
/// while it waits to be sent, its memory is all that is taken. The buffer takes that of `spare` then.
std::string Input::take(std::size_t end, std::size_t next, std::string& spare) {
    auto record = std::move(spare);
    const auto size = end - begin_;
    if (size < large) {
        record.clear();
        record.reserve(framing_ == Framing::json ? size + cli::JsonReader::room_behind : size);
        record.assign(buffer_, begin_, size);
        begin_ = searched_ = next;
        return record;
    }
    large_size_ = size;
    record.assign(buffer_, next, end_ - next).append(cli::JsonReader::room_behind, '\0');
    record.swap(buffer_);
    record.resize(end);
    record.erase(0, begin_);
    end_ -= next;
    begin_ = searched_ = 0;
    return record;
}

/// The last record of a file whose end is not marked; a file that is one record may be empty.
std::optional<std::string> Input::rest_of_file(std::string& spare) {
    std::optional<std::string> record;
    if (framing_ == Framing::json) {
        splitter_.check_end();
        splitter_ = {};
    } else if (framing_ == Framing::file || begin_ < end_) {
        record = take(end_, end_, spare);
    }
    begin_ = searched_ = end_ = 0;
    return record;
}

std::string Input::name() const {
    return files_.size() > 1 ? fmt::format("'{}'", files_[next_file_ - 1]) : "the input";
}

}  // namespace sending
