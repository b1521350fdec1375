#include "program.hpp"
#include "receiver.hpp"

int main(int argc, char** argv) {
    CLI::App app("Prints the messages of a RabbitMQ queue as they arrive.", "receive");
    cli::add_help(app, "  receive                                 # the queue hello, until Ctrl-C\n"
                       "  receive --count 1 --timeout 10 --format raw > answer\n"
                       "  receive --queue jobs --drain --format json > jobs.json\n"
                       "  receive --bind logs:disk.* --template '{routing_key}\\t{body}\\n'\n"
                       "  receive --queue jobs --on-failure reject -- ./work.sh\n");
    receiving::Options options;
    options.add_to(app);
    return cli::run(app, argc, argv, [&] { return receiving::receive(app.get_name(), options); });
}
