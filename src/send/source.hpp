#pragma once

#include "input.hpp"
#include "record.hpp"
#include "options.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sending {

/// What `send` sends, in order: its arguments, files, or the records of an input.
class Source {
public:
    /// Throws cli::Failure for a file that cannot be read.
    explicit Source(const Options& options);

    /// The next one, if it is there. Empty and not at_end(): wait for input() and let it read.
    /// Throws cli::Failure of code `bad_input` for a malformed JSON record; those before it stand.
    std::optional<cli::Record> next();

    [[nodiscard]] bool at_end() const noexcept { return arguments_.empty() && input_.at_end(); }

    Input& input() noexcept { return input_; }

private:
    [[nodiscard]] cli::Record parse(const std::string& line) const;

    std::vector<std::string> arguments_;  ///< those left, the next one last; "-" stands for what the input gives
    bool json_;
    Input input_;
    std::uint64_t records_ = 0;  ///< read from the input
};

}  // namespace sending
