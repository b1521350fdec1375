#include "about.hpp"

namespace sending {

cli::Program about() {
    return {.name = "send",
            .summary = "Publishes messages to RabbitMQ and waits until the broker has them.",
            .operands = "[MESSAGE...]",
            .examples =
                "  send                               # Hello World! to the queue hello\n"
                "  send --queue jobs 'do it'\n"
                "  tail -f app.log | send --lines     # each line a message, at once\n"
                "  send --file report.pdf --content-type application/pdf\n"
                "  send --exchange logs --routing-key disk.full -H host=web1 'disk is full'\n"
                "  receive -q a --drain --format json | send --json --queue b\n"};
}

}  // namespace sending
