#include "prose.hpp"

#include "command_environment.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace manual {
namespace {

std::vector<Entry> shared_environment() {
    return {
        {"AMQP_URL", "The broker's URL, if there is no `--url`; or several, separated by commas."},
        {"AMQP_PASSWORD",
         "The password, in place of the one in the URL. `--password-file` overrides it. Passwords in the environment "
         "or in a file never show in the list of processes."},
        {"NO_COLOR, TERM", "With `--color auto` there are no colours if `NO_COLOR` is set, or if `TERM` is dumb."},
    };
}

std::vector<Entry> shared_files() {
    return {
        {"FILE of --config",
         "Options by their long names, one `option = value` a line. A flag is `durable = true`. Several values of an "
         "option stand on several lines. A value goes to the end of its line, and a line that begins with # is a "
         "comment. No such file is read unless `--config` names it."},
    };
}

}  // namespace

Prose prose_of_send() {
    return {
        .description =
            {"Messages come from the arguments, from files or from standard input, and go to a queue or an exchange. "
             "Standard input is read only when an argument or an option says so.",
             "Every message is mandatory and confirmed, with many in flight. It is reported as sent once the broker "
             "has confirmed it, and not before. A message that no queue takes, or that the broker turns down, is named "
             "by its number on standard error.",
             "When `send` ends early, its last line names the first record that is neither confirmed nor reported. "
             "Sending again from there loses nothing. After a signal, it waits for outstanding confirms, but at most 2 "
             "seconds; a second signal ends it at once."},
        .environment = shared_environment(),
        .files = shared_files(),
    };
}

Prose prose_of_receive() {
    auto environment = shared_environment();
    environment.push_back(
        {fmt::format("{}", fmt::join(receiving::CommandEnvironment::names(), ", ")),
         "Set for COMMAND: where the message was published to, its delivery tag, whether it is redelivered, and the "
         "properties that it has. The headers are a JSON object."});
    return {
        .description =
            {"Messages go to standard output, and what is said about them to standard error. Output is flushed "
             "whenever no further message is at hand.",
             "By default a message is off its queue as soon as the broker has sent it. With `--ack written` it is "
             "acked only after the output that holds it was flushed: it is in the output or in the queue, and after a "
             "crash or a lost connection perhaps in both.",
             "On Ctrl-C or SIGTERM, `receive` stops consuming. With `--ack auto` it prints what is on its way, and "
             "with `--ack written` it gives back what it has not written. A second signal ends it at once."},
        .environment = std::move(environment),
        .files = shared_files(),
    };
}

}  // namespace manual
