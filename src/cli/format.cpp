#include "format.hpp"

#include "pretty.hpp"
#include "record.hpp"
#include "repr.hpp"

#include <chrono>
#include <string_view>

namespace cli {

bool Formatter::needs_properties() const {
    return format_ == Format::json || (template_ && template_->needs_properties());
}

void Formatter::write(Output& output, const rabbit::Delivery& delivery) const {
    const auto& body = delivery.message.body;
    switch (format_) {
        case Format::hello:
            output.write(" [x] Received ");
            output.write(repr_bytes(body), "\n");
            break;
        case Format::text: output.write(escape_text(body), "\n"); break;
        case Format::raw: output.write(body); break;
        case Format::lines: output.write(body, "\n"); break;
        case Format::null: output.write(body, std::string_view("\0", 1)); break;
        case Format::json: output.write(format_record(delivery), "\n"); break;
        case Format::pretty: output.write(cli::pretty(delivery, std::chrono::system_clock::now(), colored_)); break;
        case Format::templated: template_->write(output, delivery); break;
    }
}

}  // namespace cli
