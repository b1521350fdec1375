#pragma once

#include "output.hpp"
#include "rabbit/message.hpp"

#include <string>

namespace receiving {

enum class Format {
    hello,     ///< " [x] Received b'Hello World!'"
    text,      ///< one line a message, control characters escaped
    raw,       ///< the bytes
    lines,     ///< the bytes and a newline
    null,      ///< the bytes and a NUL
    json,      ///< one record a line
    templated  ///< as a template says
};

/// Writes messages in one format.
class Formatter {
public:
    explicit Formatter(Format format) : format_(format) {}

    /// A template in fmt's syntax with the fields named: "{routing_key} {body}\n". Throws cli::Failure of code `usage`
    /// for one that cannot be used.
    explicit Formatter(const std::string& template_text);

    void write(cli::Output& output, const rabbit::Delivery& delivery) const;

    /// The output shows properties, not only the body and where it was published to.
    [[nodiscard]] bool needs_properties() const;

    [[nodiscard]] bool is_hello() const noexcept { return format_ == Format::hello; }

private:
    Format format_;
    std::string template_;
};

}  // namespace receiving
