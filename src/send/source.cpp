#include "source.hpp"

#include "failure.hpp"
#include "json_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace sending {
namespace {

constexpr auto standard_input = "-";

std::vector<std::string> arguments_of(const Options& options) {
    if (options.sends_hello()) {
        return {"Hello World!"};
    }
    return {options.messages.rbegin(), options.messages.rend()};
}

std::vector<std::string> files_of(const Options& options) {
    const auto& messages = options.messages;
    const bool reads_input = options.has_records() && options.files.empty();
    if (reads_input || std::find(messages.begin(), messages.end(), standard_input) != messages.end()) {
        return {standard_input};
    }
    return options.files;
}

Framing framing_of(const Options& options) {
    if (options.null) {
        return Framing::null;
    }
    if (options.json) {
        return Framing::json;
    }
    return options.lines ? Framing::line : Framing::file;
}

}  // namespace

Source::Source(const Options& options)
    : arguments_(arguments_of(options)), json_(options.json), input_(files_of(options), framing_of(options)) {}

std::optional<cli::Record> Source::next() {
    if (json_) {
        return next_json();
    }
    std::optional<cli::Record> record;
    if (!arguments_.empty() && arguments_.back() != standard_input) {
        record.emplace().body = rabbit::Body(std::move(arguments_.back()));
        arguments_.pop_back();
    } else if (auto body = input_.next()) {
        record.emplace().body = std::move(*body);
        if (!arguments_.empty()) {
            arguments_.pop_back();
        }
    }
    return record;
}

std::optional<cli::Record> Source::next_json() {
    try {
        auto record = next_line();
        if (!record) {
            if (const auto text = input_.next()) {
                record = parse(text->bytes());
            }
        }
        records_ += record ? 1 : 0;
        return record;
    } catch (const MalformedJson& error) {
        throw malformed(records_ + 1, error.line(), error.what());
    }
}

/// A record that is alone on its line, as most are: then nobody has to look for its end.
std::optional<cli::Record> Source::next_line() {
    const auto line = input_.line();
    auto record = line ? reader_.try_read(*line) : std::nullopt;
    if (record) {
        input_.skip_line(*line);
    }
    return record;
}

cli::Failure Source::malformed(const char* cause) const {
    return malformed(records_, input_.first_line(), cause);
}

cli::Failure Source::malformed(std::uint64_t record, std::uint64_t line, const char* cause) const {
    return {cli::ExitCode::bad_input, fmt::format("record {}, line {} of {}: {}", record, line, input_.name(), cause)};
}

cli::Record Source::parse(std::string_view text) {
    if (auto record = reader_.try_read(text)) {
        return std::move(*record);
    }
    const auto line = input_.first_line();
    try {
        return reader_.read(text);  // which says what is wrong
    } catch (const cli::NotJson& error) {
        const auto before = text.substr(0, error.offset());
        throw MalformedJson(line + static_cast<std::uint64_t>(std::ranges::count(before, '\n')), error.what());
    } catch (const std::invalid_argument& error) {
        throw MalformedJson(line, error.what());
    }
}

}  // namespace sending
