#pragma once

#include "cli11_fwd.hpp"
#include "seconds.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace receiving {

/// What becomes of a message when its COMMAND has ended.
enum class Fate {
    ack,
    requeue,  ///< back to the queue, as a failed delivery
    reject,   ///< dropped or dead-lettered
    stop,     ///< back to the queue, and no further message is handled
};

/// COMMAND and how it is run.
struct CommandFlags {
    std::vector<std::string> words;  ///< its name and arguments
    std::uint16_t jobs = 1;          ///< at once
    std::optional<cli::Seconds> timeout;
    std::vector<std::string> exits;  ///< CODE=FATE
    std::optional<Fate> on_failure;
    std::optional<std::uint64_t> attempts;  ///< a message that has failed so often is rejected
    bool reply = false;

    void add_operand_to(CLI::App& app);
    /// The rest, after that.
    void add_to(CLI::App& app);
    /// Throws cli::UsageError.
    void check(bool automatic_acks, bool from_stream) const;

    [[nodiscard]] bool given() const noexcept { return !words.empty(); }
    /// Of the exit statuses that have one of their own. Throws cli::UsageError.
    [[nodiscard]] std::map<int, Fate> fates() const;
    /// Of any other failure.
    [[nodiscard]] Fate fate_of_failure() const noexcept {
        return on_failure.value_or(attempts ? Fate::requeue : Fate::stop);
    }
};

/// COMMAND must follow a "--": otherwise a stray word would be run as a program. Throws cli::UsageError.
void check_operand(const std::string& word);

}  // namespace receiving
