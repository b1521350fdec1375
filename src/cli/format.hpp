#pragma once

#include "output.hpp"
#include "rabbit/message.hpp"
#include "template.hpp"

#include <optional>
#include <utility>

namespace cli {

enum class Format {
    hello,     ///< " [x] Received b'Hello World!'"
    text,      ///< one line a message, control characters escaped
    raw,       ///< the bytes
    lines,     ///< the bytes and a newline
    null,      ///< the bytes and a NUL
    json,      ///< one record a line
    pretty,    ///< for people: properties one a line, the body as it reads best
    templated  ///< as a template says
};

/// Writes messages in one format.
class Formatter {
public:
    /// `colored` matters to `pretty` alone.
    explicit Formatter(Format format, bool colored = false) : format_(format), colored_(colored) {}

    explicit Formatter(Template own) : format_(Format::templated), template_(std::move(own)) {}

    /// If it is interrupted, the whole message stays buffered (Output::write_whole()).
    void write(Output& output, const rabbit::Delivery& delivery) const;

    /// The output shows properties, not only the body and where it was published to.
    [[nodiscard]] bool needs_properties() const;

    [[nodiscard]] bool is_hello() const noexcept { return format_ == Format::hello; }

private:
    void write_parts(Output& output, const rabbit::Delivery& delivery) const;

    Format format_;
    bool colored_ = false;
    std::optional<Template> template_;
};

}  // namespace cli
