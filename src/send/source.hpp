#pragma once

#include "failure.hpp"
#include "input.hpp"
#include "options.hpp"
#include "record.hpp"
#include "record_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sending {

/// What `send` sends, in order: its arguments, files, or the records of an input.
class Source {
public:
    /// Throws cli::Failure for a file that cannot be read.
    explicit Source(const Options& options);

    /// The next one, if it is there. Empty and not at_end(): wait for input() and let it read.
    /// Throws cli::Failure of code `bad_input` for a malformed JSON record, after all those before it.
    std::optional<cli::Record> next();

    /// The Failure for the last record, a JSON one, when it turns out that it cannot be sent.
    [[nodiscard]] cli::Failure malformed(const char* cause) const;

    [[nodiscard]] bool at_end() const noexcept { return arguments_.empty() && input_.at_end(); }

    Input& input() noexcept { return input_; }
    [[nodiscard]] const Input& input() const noexcept { return input_; }

private:
    std::optional<cli::Record> next_json();
    std::optional<cli::Record> next_line();
    [[nodiscard]] cli::Failure malformed(std::uint64_t record, std::uint64_t line, const char* cause) const;
    [[nodiscard]] cli::Record parse(std::string_view text);

    std::vector<std::string> arguments_;  ///< those left, the next one at the back; "-" is standard input as a whole
    bool json_;
    cli::RecordReader reader_;
    Input input_;
    std::uint64_t records_ = 0;  ///< JSON records so far
};

}  // namespace sending
