// KEY:TYPE=VALUE is a field that JSON gives back, or a Failure of code `usage`.
#include "failure.hpp"
#include "field_option.hpp"
#include "fuzz.hpp"
#include "json_reader.hpp"
#include "json_writer.hpp"

#include <simdjson.h>

#include <string>

namespace {

void check(rabbit::Field (*parse)(const std::string&, const std::string&), const std::string& text) {
    try {
        const auto field = parse("--header", text);
        require(!field.name.empty() && field.name.size() <= 255);
        const auto json = cli::json_of(field.value);
        cli::JsonReader reader;
        require(cli::json_of(cli::value_of_json(reader.read(json))) == json);
    } catch (const cli::Failure& failure) {
        require(failure.code() == cli::ExitCode::usage);
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(text_of(data, size));
    check(cli::parse_header, text);
    check(cli::parse_argument, text);
    return 0;
}
