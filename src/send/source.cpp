#include "source.hpp"

#include "failure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace sending {
namespace {

constexpr auto standard_input = "-";

std::vector<std::string> arguments_of(const Options& options) {
    if (options.messages.empty() && options.files.empty() && !options.has_records()) {
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
    return options.lines || options.json ? Framing::line : Framing::file;
}

}  // namespace

Source::Source(const Options& options)
    : arguments_(arguments_of(options)), json_(options.json), input_(files_of(options), framing_of(options)) {}

std::optional<cli::Record> Source::next() {
    std::optional<cli::Record> record;
    if (!arguments_.empty() && arguments_.back() != standard_input) {
        record.emplace().message.body = std::move(arguments_.back());
        arguments_.pop_back();
        return record;
    }
    if (auto text = input_.next()) {
        ++records_;
        if (json_) {
            return parse(*text);
        }
        record.emplace().message.body = std::move(*text);
        if (!arguments_.empty()) {
            arguments_.pop_back();
        }
    }
    return record;
}

cli::Record Source::parse(const std::string& line) const {
    try {
        return cli::parse_record(line);
    } catch (const std::invalid_argument& error) {
        throw cli::Failure(cli::ExitCode::bad_input, fmt::format("line {} of the input: {}", records_, error.what()));
    }
}

}  // namespace sending
