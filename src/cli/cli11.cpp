#include "cli11.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

namespace cli {
namespace {

/// CLI11 names the two options and nothing else that could be told from its type.
std::string replace_once(std::string text, std::string_view word, std::string_view by) {
    const auto at = text.find(word);
    return at == std::string::npos ? text : text.replace(at, word.size(), by);
}

std::string unreadable(const std::string& file) {
    errno = 0;
    const bool opened = std::ifstream(file).is_open();
    return fmt::format("--config: cannot read '{}': {}", file, opened ? "it is not a file" : std::strerror(errno));
}

}  // namespace

std::string protect(const std::string& value) {
    return value.starts_with('[') && value.ends_with(']') ? value + '\0' : value;
}

void unprotect_values(CLI::Option& option) {
    option.transform([](std::string text) {
        if (text.ends_with('\0')) {
            text.pop_back();
        }
        return text;
    });
}

CLI::App& add_part(CLI::App& app) {
    return *app.add_option_group("");
}

std::vector<const CLI::Option*> all_options(const CLI::App& app) {
    std::vector<const CLI::Option*> result;
    const auto append = [&result](const CLI::App& part) {
        const auto options = part.get_options();  // without those of its parts, as the App is const
        result.insert(result.end(), options.begin(), options.end());
    };
    for (const auto* part : app.get_subcommands({})) {
        append(*part);
    }
    append(app);
    return result;
}

CLI::Option* find_option(CLI::App& app, std::string_view name) {
    const auto is_meant = [name](const CLI::Option* option) {
        const auto& names = option->get_lnames();
        return option->get_positional() ? option->get_name(true) == name
                                        : std::find(names.begin(), names.end(), name.substr(2)) != names.end();
    };
    auto parts = app.get_subcommands({});
    parts.push_back(&app);
    for (auto* part : parts) {
        const auto options = part->get_options();
        const auto found = std::find_if(options.begin(), options.end(), is_meant);
        if (found != options.end()) {
            return *found;
        }
    }
    throw CLI::OptionNotFound(std::string(name));
}

bool takes_value(const CLI::Option& option) {
    return option.get_items_expected_max() > 0;
}

bool is_repeatable(const CLI::Option& option) {
    return option.get_items_expected_max() > 1;
}

bool has_optional_value(const CLI::Option& option) {
    return option.get_type_name().starts_with('[');
}

std::string explain(const CLI::ParseError& error, const CLI::App& app) {
    if (dynamic_cast<const CLI::FileError*>(&error)) {
        return unreadable(app.get_config_ptr()->results().front());
    }
    if (dynamic_cast<const CLI::ExcludesError*>(&error)) {
        return replace_once(error.what(), " excludes ", " and ") + " cannot be used together";
    }
    if (dynamic_cast<const CLI::RequiresError*>(&error)) {
        return replace_once(error.what(), " requires ", " needs ");
    }
    return error.what();
}

CLI::Validator file_name() {
    return {[](const std::string& name) { return name.empty() ? "the file's name is empty" : std::string(); }, ""};
}

CLI::Option* add_repeatable(CLI::App& app, const std::string& name, std::vector<std::string>& to,
                            const std::string& description) {
    return app.add_option(name, to, description)->allow_extra_args(false);
}

std::string plain(double number) {
    auto text = fmt::format("{:.6f}", number);
    text.erase(text.find_last_not_of('0') + 1);
    return text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
}

}  // namespace cli
