#include "about.hpp"

#include "command_flags.hpp"

namespace receiving {

cli::Program about() {
    return {.name = "receive",
            .summary = "Prints the messages of a RabbitMQ queue as they arrive.",
            .operands = "[-- COMMAND [ARGUMENT...]]",
            .examples =
                "  receive                                 # the queue hello, until Ctrl-C\n"
                "  receive --count 1 --timeout 10 --format raw > answer\n"
                "  receive --queue jobs --drain --format json > jobs.json\n"
                "  receive --bind logs:disk.* --template '{routing_key}\\t{body}\\n'\n"
                "  receive --queue jobs --on-failure reject -- ./work.sh\n",
            .on_operand = check_operand};
}

}  // namespace receiving
