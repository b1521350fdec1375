#pragma once

#include "fd.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace sending {

/// What ends a record of the input.
enum class Framing {
    file,   ///< the end of its file
    line,   ///< a newline, which is left off
    null,   ///< a NUL, which is left off
};

/// The records of some files, one after the other. Never blocks on its own: the caller waits until descriptor() is
/// readable and then calls read(). Memory is that of the longest record.
///
/// Failures are cli::Failure: `no_input` for a file that cannot be read, `bad_input` for a record larger than any
/// message may be.
class Input {
public:
    /// "-" is standard input. Files that are missing now are found now, not when their turn comes.
    Input(std::vector<std::string> files, Framing framing);

    /// The next record that is wholly there.
    std::optional<std::string> next();

    /// No record is left and none will come.
    [[nodiscard]] bool at_end() const noexcept { return !current_ && ended_; }

    /// Where the next bytes come from; -1 at the end.
    [[nodiscard]] int descriptor() const noexcept { return current_.get(); }

    /// Reads once what is there, or goes on to the next file.
    void read();

private:
    void open_next();

    std::vector<std::string> files_;
    std::size_t next_file_ = 0;
    Framing framing_;
    cli::Fd current_;
    std::string buffer_;
    std::size_t begin_ = 0;      ///< of the bytes in buffer_ that belong to no record handed out yet
    std::size_t searched_ = 0;   ///< no delimiter stands before here
    bool file_ended_ = false;    ///< the bytes left in buffer_, if any, are the file's last record
    bool ended_ = false;
};

}  // namespace sending
