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
            output.write_in_pieces([&body](std::string& to, const MakeRoom& make_room) {
                to += " [x] Received ";
                append_repr_bytes(to, body, make_room);
                to += '\n';
            });
            break;
        case Format::text:
            output.write_in_pieces([&body](std::string& to, const MakeRoom& make_room) {
                append_escaped_text(to, body, make_room);
                to += '\n';
            });
            break;
        case Format::raw: output.write(body); break;
        case Format::lines: output.write(body, "\n"); break;
        case Format::null: output.write(body, std::string_view("\0", 1)); break;
        case Format::json:
            output.write_in_pieces([&delivery](std::string& to, const MakeRoom& make_room) {
                append_record(to, delivery, make_room);
                to += '\n';
            });
            break;
        case Format::pretty: output.write(cli::pretty(delivery, std::chrono::system_clock::now(), colored_)); break;
        case Format::templated: template_->write(output, delivery); break;
    }
}

}  // namespace cli
