#include "program_name.hpp"

#include <string_view>

namespace cli {
namespace {

bool is_command_at(std::string_view text, std::size_t begin, std::string_view name) {
    const auto before = text.substr(0, begin);
    const auto after = text.substr(begin + name.size());
    const auto indentation = before.find_last_not_of(' ');
    const bool begins_line = indentation == std::string_view::npos || before[indentation] == '\n';
    const bool begins_word = before.empty() || before.back() == ' ' || before.back() == '\n';
    const bool ends_word = after.empty() || after.front() == ' ' || after.front() == '\n';
    return begins_word && ends_word && (begins_line || after.starts_with(" -"));
}

std::string with_prefix(std::string text, std::string_view name, const std::string& prefix) {
    std::size_t at = 0;
    while ((at = text.find(name, at)) != std::string::npos) {
        if (is_command_at(text, at, name)) {
            text.insert(at, prefix);
            at += prefix.size();
        }
        at += name.size();
    }
    return text;
}

}  // namespace

std::string called_name(const char* path, const std::string& own) {
    constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-";
    std::string_view name = path ? path : "";
    name.remove_prefix(name.find_last_of('/') + 1);
    const bool usable = !name.empty() && name.find_first_not_of(allowed) == std::string_view::npos;
    return usable ? std::string(name) : own;
}

std::string prefix_of(const std::string& name, const std::string& own) {
    return name.ends_with(own) ? name.substr(0, name.size() - own.size()) : "";
}

std::string with_prefix(const std::string& text, const std::string& prefix) {
    return with_prefix(with_prefix(text, "send", prefix), "receive", prefix);
}

}  // namespace cli
