#pragma once

#include "failure.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace cli {

/// Standard output could not be written.
class OutputError : public Failure {
public:
    explicit OutputError(int error);

    /// Its reader has closed the pipe, as `head` does when it has seen enough.
    [[nodiscard]] bool reader_gone() const noexcept { return code() == ExitCode::reader_gone; }
};

/// A buffered output that reports every failure as an OutputError. What it holds at its destruction is dropped:
/// flush() it.
class Output {
public:
    /// `descriptor` stays the caller's. `wait_writable`, if given, is called with a descriptor whose reader is slow,
    /// and returns once it can be written again; without it the write blocks.
    explicit Output(int descriptor, std::function<void(int)> wait_writable = {});
    ~Output();
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    void write(std::string_view text) {
        buffer_ += text;
        if (buffer_.size() >= enough) {
            flush();
        }
    }
    void flush();

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

private:
    static constexpr std::size_t enough = 64 * 1024;

    int descriptor_;
    int owned_ = -1;  ///< the same pipe or terminal, opened anew to be non-blocking for this process alone
    std::function<void(int)> wait_writable_;
    std::string buffer_;
};

}  // namespace cli
