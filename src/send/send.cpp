#include "send.hpp"

#include "check.hpp"
#include "connect.hpp"
#include "destination.hpp"
#include "requester.hpp"
#include "say.hpp"
#include "sender.hpp"
#include "signals.hpp"
#include "source.hpp"

#include <optional>

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sending {
namespace {

/// Somebody piped or redirected data into standard input. It takes no part in what is sent, so it is not waited for.
bool has_unread_input() {
    struct stat status {};
    if (fstat(STDIN_FILENO, &status) != 0) {
        return false;
    }
    if (S_ISREG(status.st_mode)) {
        return lseek(STDIN_FILENO, 0, SEEK_CUR) < status.st_size;
    }
    int bytes = 0;
    return (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) && ioctl(STDIN_FILENO, FIONREAD, &bytes) == 0 &&
           bytes > 0;
}

/// Opens the connection again where it is lost before anything was sent.
template <class Run>
cli::ExitCode run(const std::string& program, Options& options, rabbit::Connection& connection, Source& source) {
    std::optional<Run> run;
    connection.with_reconnect([&] {
        run.reset();
        const auto queue = declare_destination(connection, options);
        run.emplace(program, options, connection, queue);
    });
    return run->run(source);
}

}  // namespace

cli::ExitCode send(const std::string& program, Options& options) {
    options.check();
    if (options.connect.check) {
        return cli::check(program, options.connect, options.verbosity);
    }
    Source source(options);
    const cli::Signals signals;
    auto connection = cli::connect(program, options.connect, options.verbosity, signals.descriptor(), options.timeout,
                                   first_declare(options));
    const auto code = options.request ? run<Requester>(program, options, connection, source)
                                      : run<Sender>(program, options, connection, source);
    if (options.sends_hello() && !options.verbosity.quiet && has_unread_input()) {
        cli::say("{}: standard input was not read; to send it, add - (as one message) or --lines (each line)\n",
                 program);
    }
    return code;
}

}  // namespace sending
