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
    output.write_whole([&] { write_parts(output, delivery); });
}

void Formatter::write_parts(Output& output, const rabbit::Delivery& delivery) const {
    const auto& body = delivery.message.body;
    const auto make_room = [&output] { output.flush_if_full(); };
    switch (format_) {
        case Format::hello:
            output.append(" [x] Received ");
            append_repr_bytes(output.buffer(), body, make_room);
            output.write("\n");
            break;
        case Format::text:
            append_escaped_text(output.buffer(), body, make_room);
            output.write("\n");
            break;
        case Format::raw: output.write(body); break;
        case Format::lines: output.write(body, "\n"); break;
        case Format::null: output.write(body, std::string_view("\0", 1)); break;
        case Format::json:
            append_record(output.buffer(), delivery, make_room);
            output.write("\n");
            break;
        case Format::pretty: output.write(cli::pretty(delivery, std::chrono::system_clock::now(), colored_)); break;
        case Format::templated: template_->write(output, delivery); break;
    }
}

}  // namespace cli
