#include "arguments.hpp"

#include "cli11.hpp"
#include "failure.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace cli {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

class Reader {
public:
    Reader(CLI::App& app, const std::vector<std::string>& words,
           const std::function<void(const std::string&)>& on_operand)
        : app_(app), words_(words), on_operand_(on_operand) {}

    std::vector<std::string> read() {
        while (at_ < words_.size()) {
            const auto& word = words_[at_++];
            if (word == "--") {
                operands_.insert(operands_.end(), words_.begin() + static_cast<std::ptrdiff_t>(at_), words_.end());
                break;
            }
            if (word.starts_with("--")) {
                read_long(word);
            } else if (is_short(word)) {
                read_short(word);
            } else {
                if (on_operand_) {
                    on_operand_(word);
                }
                operands_.push_back(word);
            }
        }
        if (!operands_.empty()) {
            for (auto* each : app_.get_options([](const CLI::Option* option) { return option->get_positional(); })) {
                unprotect_values(*each);
            }
            result_.emplace_back("--");
            std::transform(operands_.begin(), operands_.end(), std::back_inserter(result_), protect);
        }
        return std::move(result_);
    }

private:
    [[nodiscard]] CLI::Option* find(const std::string& name) const { return app_.get_option_no_throw(name); }

    [[nodiscard]] CLI::Option& get(const std::string& name) const {
        auto* option = find(name);
        if (!option) {
            throw UsageError(no_such_option(app_, name));
        }
        return *option;
    }

    /// A dash alone is an operand, and so is a negative number.
    [[nodiscard]] bool is_short(const std::string& word) const {
        return word.size() > 1 && word[0] == '-' && word[1] != ' ' && (!is_digit(word[1]) || find(word.substr(0, 2)));
    }

    void read_long(const std::string& word) {
        const auto equals = word.find('=');
        const auto name = word.substr(0, equals);
        auto& option = get(name);
        if (!takes_value(option)) {
            if (equals != std::string::npos && word.substr(equals) != "=true" && word.substr(equals) != "=false") {
                throw UsageError(fmt::format("{} takes no value", name));
            }
            result_.push_back(word);
        } else if (equals == std::string::npos && has_optional_value(option) && !is_number_next()) {
            add(option, name, option.get_default_str());
        } else if (equals == std::string::npos) {
            add(option, name, next_value(name));
        } else {
            add(option, name, word.substr(equals + 1));
        }
    }

    /// Flags may stand together after one dash, and the last of them may be an option with its value.
    void read_short(const std::string& word) {
        const auto long_name = "-" + word.substr(0, word.find('='));
        if (long_name.size() > 3 && find(long_name)) {
            throw UsageError(fmt::format("{0}: a long option takes two dashes, {1}", long_name.substr(1), long_name));
        }
        for (std::size_t i = 1; i < word.size(); ++i) {
            const auto name = std::string("-") + word[i];
            auto& option = get(name);
            if (!takes_value(option)) {
                result_.push_back(name);
                continue;
            }
            const auto value = word.substr(i + 1);
            if (value.starts_with('=')) {
                throw UsageError(
                    fmt::format("{0}=: a short option takes its value without '='; write {0} {1} or {2}={1}", name,
                                option.get_type_name(), option.get_name()));
            }
            add(option, name, value.empty() ? next_value(name) : value);
            return;
        }
    }

    [[nodiscard]] bool is_number_next() const {
        return at_ < words_.size() && !words_[at_].empty() &&
               std::all_of(words_[at_].begin(), words_[at_].end(), is_digit);
    }

    std::string next_value(const std::string& name) {
        if (at_ == words_.size() || words_[at_] == "--") {
            throw UsageError(fmt::format("{} needs a value", name));
        }
        const auto& word = words_[at_++];
        const auto word_name = word.starts_with("--") ? word.substr(0, word.find('=')) : word;
        if (word.starts_with('-') && find(word_name)) {
            throw UsageError(fmt::format(
                "{0} needs a value, and {1} is an option{2}", name, word_name,
                name.starts_with("--") ? fmt::format("; if it is the value, write {}={}", name, word_name) : ""));
        }
        return word;
    }

    void add(CLI::Option& option, const std::string& name, const std::string& value) {
        if (given_.insert(&option).second) {
            unprotect_values(option);
        } else if (!is_repeatable(option)) {
            throw UsageError(fmt::format("{} is given twice", name));
        }
        result_.push_back(name);
        result_.push_back(protect(value));
    }

    CLI::App& app_;
    const std::vector<std::string>& words_;
    const std::function<void(const std::string&)>& on_operand_;
    std::size_t at_ = 0;
    std::set<const CLI::Option*> given_;
    std::vector<std::string> operands_;
    std::vector<std::string> result_;
};

/// How many characters must be inserted, removed, replaced or swapped with their neighbour to make `to` of `from`.
std::size_t distance(std::string_view from, std::string_view to) {
    std::vector<std::vector<std::size_t>> cost(from.size() + 1, std::vector<std::size_t>(to.size() + 1));
    for (std::size_t i = 0; i <= from.size(); ++i) {
        for (std::size_t j = 0; j <= to.size(); ++j) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            cost[i][j] = std::min(
                {cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1)});
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) {
                cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
            }
        }
    }
    return cost[from.size()][to.size()];
}

/// The long options that `name` resembles most: by a slip of the fingers, or because it is a part of theirs.
std::vector<std::string> similar(const CLI::App& app, std::string_view name) {
    constexpr std::size_t longest = 40;  // a longer one is no option with a slip in it
    std::vector<std::string> nearest;
    std::vector<std::string> holding;
    if (name.size() < 4 || name.size() > longest) {
        return nearest;
    }
    auto least = std::max<std::size_t>(1, (name.size() - 2) / 3);
    for (const auto* option : all_options(app)) {
        for (const auto& each : option->get_lnames()) {
            const auto long_name = "--" + each;
            const auto slips = distance(name, long_name);
            if (slips < least) {
                nearest.clear();
                least = slips;
            }
            if (slips == least) {
                nearest.push_back(long_name);
            }
            if (("-" + each + "-").find(fmt::format("{}-", name.substr(1))) != std::string::npos ||
                each.starts_with(name.substr(2))) {
                holding.push_back(long_name);
            }
        }
    }
    return nearest.empty() ? holding : nearest;
}

}  // namespace

std::vector<std::string> read_arguments(CLI::App& app, const std::vector<std::string>& words,
                                        const std::function<void(const std::string&)>& on_operand) {
    return Reader(app, words, on_operand).read();
}

std::string no_such_option(const CLI::App& app, const std::string& name) {
    if (name == "--password") {
        return "there is no option --password; a password is taken from --password-file or the environment's "
               "AMQP_PASSWORD";
    }
    const auto meant = similar(app, name);
    return meant.empty() || meant.size() > 3
               ? fmt::format("there is no option {}; '{} --help' lists them all", name, app.get_name())
               : fmt::format("there is no option {}; did you mean {}?", name, fmt::join(meant, " or "));
}

}  // namespace cli
