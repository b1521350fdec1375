#include "input.hpp"

#include "failure.hpp"

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
    return static_cast<double>(read_ - buffer_.bytes().size()) / static_cast<double>(size_);
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
    at_line_start_ = true;
}

void Input::read() {
    const auto room = buffer_.make_room();
    const auto count = ::read(current_.get(), room.data(), room.size());
    if (count < 0 && errno != EINTR && errno != EAGAIN) {
        cannot_read(files_[next_file_ - 1], errno);
    }
    if (count > 0) {
        buffer_.add(static_cast<std::size_t>(count));
        read_ += static_cast<std::uint64_t>(count);
    }
    if (count == 0) {
        current_.reset();
        file_ended_ = true;
    }
}

std::optional<rabbit::Body> Input::next() {
    auto record = framing_ == Framing::json ? next_object() : next_delimited();
    if (record) {
        return record;
    }
    if (searched_ > longest_record) {
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
        const auto bytes = buffer_.bytes();
        const auto first = bytes.find_first_not_of(" \t\r");
        if (first == std::string_view::npos) {
            break;
        }
        if (bytes[first] != '\n') {
            const auto end = at_line_start_ ? bytes.find('\n', first) : std::string_view::npos;
            return end == std::string_view::npos ? std::nullopt : std::optional(bytes.substr(0, end));
        }
        skip_line(bytes.substr(0, first));
    }
    return std::nullopt;
}

void Input::skip_line(std::string_view line) {
    splitter_.skip_line();
    buffer_.skip(line.size());
    buffer_.drop(1);
    at_line_start_ = true;
}

std::optional<rabbit::Body> Input::next_delimited() {
    const auto delimiter = framing_ == Framing::line ? '\n' : '\0';
    const auto bytes = buffer_.bytes();
    const auto size = framing_ == Framing::file ? std::string_view::npos : bytes.find(delimiter, searched_);
    if (size == std::string_view::npos) {
        searched_ = bytes.size();
        return std::nullopt;
    }
    auto record = buffer_.take(size);
    buffer_.drop(1);
    searched_ = 0;
    return record;
}

std::optional<rabbit::Body> Input::next_object() {
    searched_ += splitter_.scan(buffer_.bytes().substr(searched_));
    buffer_.drop(searched_ - splitter_.size());
    searched_ = splitter_.size();
    if (!splitter_.complete()) {
        return std::nullopt;
    }
    at_line_start_ = false;
    return buffer_.take(std::exchange(searched_, 0));
}

/// The last record of a file whose end is not marked; a file that is one record may be empty.
std::optional<rabbit::Body> Input::rest_of_file() {
    std::optional<rabbit::Body> record;
    const auto left = buffer_.bytes().size();
    if (framing_ == Framing::json) {
        splitter_.check_end();
        splitter_ = {};
        buffer_.drop(left);
    } else if (framing_ == Framing::file || left > 0) {
        record = buffer_.take(left);
    }
    searched_ = 0;
    return record;
}

std::string Input::name() const {
    return files_.size() > 1 ? fmt::format("'{}'", files_[next_file_ - 1]) : "the input";
}

}  // namespace sending
