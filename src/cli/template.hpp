#pragma once

#include "output.hpp"
#include "rabbit/message.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cli {

/// The text of --template: fmt's syntax with the fields of a message named, "{routing_key} {body}\n", and
/// {headers[name]} for one header. Only the fields that it names are made for a message.
class Template {
public:
    /// Throws Failure of code `usage` for a text that cannot be used.
    explicit Template(const std::string& text);

    void write(Output& output, const rabbit::Delivery& delivery) const;

    /// It shows properties, not only the body and where it was published to.
    [[nodiscard]] bool needs_properties() const;

private:
    using Value = std::variant<std::string_view, std::string, std::uint64_t, bool>;

    /// A field of the template, with the text before it.
    struct Field {
        std::string text_before;
        std::string name;
        std::string header;  ///< "kind" for headers[kind]
        std::string format;  ///< "{:>10}", for its value alone
        Value (*value)(const Field& field, const rabbit::Delivery& delivery);
    };

    class Parser;

    static std::string formatted(const Field& field, const Value& value);

    std::vector<Field> fields_;
    std::string text_after_;
};

}  // namespace cli
