#pragma once

#include "fd.hpp"
#include "json_splitter.hpp"
#include "rabbit/body.hpp"
#include "record_buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sending {

/// What ends a record of the input.
enum class Framing {
    file,  ///< the end of its file
    line,  ///< a newline, which is not part of it
    null,  ///< a NUL, which is not part of it
    json,  ///< the end of a JSON object; what is between objects is not part of any
};

/// The records of some files, one after the other. Never blocks on its own: the caller waits until descriptor() is
/// readable and then calls read().
///
/// Throws MalformedJson, or cli::Failure: `no_input` for a file that cannot be read, `bad_input` for a record larger
/// than any message may be.
class Input {
public:
    /// "-" is standard input. Files that are missing now are found now, not when their turn comes.
    Input(std::vector<std::string> files, Framing framing);

    /// The next record, if it is there to its end. With Framing::json, cli::JsonReader::room_behind bytes can be read
    /// behind it.
    std::optional<rabbit::Body> next();

    /// With Framing::json: the next line that is not blank, without its newline, if it is there to its end and nothing of
    /// it belongs to a record before. It stays until skip_line(), and cli::JsonReader::room_behind bytes can be read
    /// behind it.
    std::optional<std::string_view> line();
    /// line() is a record. To be called at most once for each.
    void skip_line(std::string_view line);

    /// No record is left and none will come.
    [[nodiscard]] bool at_end() const noexcept { return !current_ && ended_; }

    /// Where the next bytes come from; -1 at the end.
    [[nodiscard]] int descriptor() const noexcept { return current_.get(); }

    /// Reads once what is there, or goes on to the next file.
    void read();

    /// How much of all files is in records that were handed out, from 0 to 1; empty if one has no end to foresee.
    [[nodiscard]] std::optional<double> share() const;

    /// With Framing::json: the line of the current file on which the last record begins.
    [[nodiscard]] std::uint64_t first_line() const noexcept { return splitter_.first_line(); }
    /// The current file in quotes, or "the input" where that is the only one.
    [[nodiscard]] std::string name() const;

private:
    [[nodiscard]] std::uint64_t size_of_files() const;
    void open_next();
    std::optional<rabbit::Body> next_delimited();
    std::optional<rabbit::Body> next_object();
    std::optional<rabbit::Body> rest_of_file();

    std::vector<std::string> files_;
    std::size_t next_file_ = 0;
    Framing framing_;
    JsonSplitter splitter_;
    cli::Fd current_;
    RecordBuffer buffer_;
    std::size_t searched_ = 0;   ///< no record ends in so many of its bytes
    bool at_line_start_ = true;  ///< with Framing::json: the line has no record so far
    bool file_ended_ = false;    ///< the bytes left, if any, are the file's last record
    bool ended_ = false;
    std::uint64_t size_ = 0;  ///< of all files; 0: not known
    std::uint64_t read_ = 0;  ///< bytes so far
};

}  // namespace sending
