#pragma once

#include "failure.hpp"
#include "fd.hpp"

#include <array>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace cli {

/// Standard output could not be written.
class OutputError : public Failure {
public:
    explicit OutputError(int error);

    /// Its reader has closed the pipe, as `head` does when it has seen enough.
    [[nodiscard]] bool reader_gone() const noexcept { return code() == ExitCode::reader_gone; }
};

/// A buffered output that reports every failure as an OutputError. A reader that pauses never blocks a write.
/// What is still buffered when the object is destroyed is dropped: call flush().
class Output {
public:
    /// Called while the reader is slow. Returns when the descriptor may be writable again, or throws. Writes nothing
    /// to this output.
    using Wait = std::function<void(int descriptor)>;

    /// Does not take ownership of `descriptor`.
    explicit Output(int descriptor, Wait wait_writable = wait_without_limit);

    /// `end` is a short end of the text, such as a newline. It leaves with a large text, and does not stay behind in the
    /// buffer.
    void write(std::string_view text, std::string_view end = {}) {
        if (text.size() >= large) {
            write_out(text, end);
        } else {
            append(text);
            append(end);
            flush_if_full();
        }
    }
    /// Calls `writes`, which writes the parts of one message. If the callback that waits for the reader throws, the
    /// remaining parts are only buffered, and the exception is thrown at the end. So the whole message stays buffered.
    template <class Writes>
    void write_whole(Writes writes) {
        puts_off_ = true;
        try {
            writes();
        } catch (...) {
            puts_off_ = false;
            failure_ = nullptr;
            throw;
        }
        puts_off_ = false;
        if (failure_) {
            std::rethrow_exception(std::exchange(failure_, nullptr));
        }
    }
    /// What is buffered, for a caller that appends to it itself and calls flush_if_full() in between.
    [[nodiscard]] std::string& buffer() noexcept { return buffer_; }
    /// As write(), but only buffers: for a caller that must not wait.
    void append(std::string_view text) { buffer_ += text; }
    void flush_if_full() {
        if (buffer_.size() >= enough) {
            flush();
        }
    }
    void flush() { write_out({}, {}); }

    /// Becomes ready with POLLERR or POLLHUP when the reader goes away.
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

private:
    /// How a write is kept from blocking.
    enum class Kind {
        never_blocks,  ///< a file, opened anew with O_NONBLOCK, or not open for writing
        socket,
        other,  ///< shared with other processes, which do not expect O_NONBLOCK
    };

    static constexpr std::size_t enough = std::size_t{64} * 1024;
    static constexpr std::size_t large = std::size_t{32} * 1024;  ///< not worth a copy into the buffer

    using Parts = std::array<std::string_view, 3>;  ///< what is buffered, a text, its end

    static void wait_without_limit(int descriptor);
    void write_out(std::string_view text, std::string_view end);
    [[nodiscard]] std::optional<std::size_t> write_some(const Parts& parts) const;

    Fd reopened_;
    int descriptor_;
    Kind kind_;
    Wait wait_writable_;
    std::string buffer_;
    bool puts_off_ = false;       ///< in write_whole()
    std::exception_ptr failure_;  ///< that is put off
};

}  // namespace cli
