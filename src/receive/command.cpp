#include "command.hpp"

#include "failure.hpp"
#include "fd.hpp"
#include "message_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <set>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace receiving {
namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

Variables variables_of(const rabbit::Delivery& delivery) {
    Variables variables{{"exchange", delivery.address.exchange},
                        {"routing_key", delivery.address.routing_key},
                        {"delivery_tag", std::to_string(delivery.delivery_tag)},
                        {"redelivered", delivery.redelivered ? "true" : "false"}};
    if (const auto& properties = delivery.message.properties) {
        for (const auto& property : cli::message_properties) {
            if (auto text = cli::property_text(property, *properties)) {
                variables.emplace_back(property.name, std::move(*text));
            }
        }
    }
    for (auto& [name, value] : variables) {
        name = cli::environment_name(name);
    }
    return variables;
}

/// A variable that an outer `receive` has set, whose COMMAND this process may be.
bool is_message_variable(std::string_view text) {
    static const auto names = [] {
        std::set<std::string, std::less<>> result;
        for (const auto* field : {"exchange", "routing_key", "delivery_tag", "redelivered"}) {
            result.insert(cli::environment_name(field));
        }
        for (const auto& property : cli::message_properties) {
            result.insert(cli::environment_name(property.name));
        }
        return result;
    }();
    return names.contains(text.substr(0, text.find('=')));
}

/// This process's environment with the message's variables. AMQP_URL and the like stay: the command may want to answer.
std::vector<std::string> environment_with(const Variables& variables) {
    std::vector<std::string> result;
    for (char** variable = environ; *variable; ++variable) {
        if (!is_message_variable(*variable)) {
            result.emplace_back(*variable);
        }
    }
    for (const auto& [name, value] : variables) {
        result.push_back(fmt::format("{}={}", name, value));
    }
    return result;
}

/// Why no environment can hold them; empty: one can.
std::string why_unfit(const Variables& variables) {
    const auto found = std::find_if(variables.begin(), variables.end(),
                                    [](const auto& each) { return each.second.find('\0') != std::string::npos; });
    return found == variables.end() ? "" : fmt::format("{} holds a NUL byte", found->first);
}

std::string why_too_large(const Variables& variables) {
    const auto& [name, value] = *std::max_element(variables.begin(), variables.end(), [](const auto& a, const auto& b) {
        return a.second.size() < b.second.size();
    });
    return fmt::format("{} is too large for an environment ({} bytes)", name, value.size());
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (auto& text : texts) {
        result.push_back(text.data());
    }
    result.push_back(nullptr);
    return result;
}

/// The error of posix_spawnp, and the process if there is none. The command gets the signals that this process handles
/// or ignores with their default actions.
std::pair<int, pid_t> spawn(std::vector<std::string> command, std::vector<std::string> environment, int standard_input,
                            const cli::Fd& standard_output) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, standard_input, STDIN_FILENO);
    if (standard_output) {
        posix_spawn_file_actions_adddup2(&actions, standard_output.get(), STDOUT_FILENO);
    }
    posix_spawnattr_init(&attributes);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    pid_t pid = -1;
    const int error = posix_spawnp(&pid, command.front().c_str(), &actions, &attributes, pointers_to(command).data(),
                                   pointers_to(environment).data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return {error, pid};
}

/// Writes what the pipe takes; closes it at the body's end or when the command no longer reads.
void feed(cli::Fd& to, std::string_view& body) {
    const auto count = body.empty() ? 0 : write(to.get(), body.data(), body.size());
    if (count > 0) {
        body.remove_prefix(static_cast<std::size_t>(count));
    }
    if (body.empty() || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        to.reset();
    }
}

/// RabbitMQ takes no larger message unless it is configured to.
constexpr std::size_t most_output = std::size_t{128} << 20;

/// Reads what the pipe holds; closes it at its end, or when the command has written more than may be.
void drain(cli::Fd& from, std::string& output) {
    char buffer[64 * 1024];
    while (from) {
        const auto count = read(from.get(), buffer, sizeof buffer);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (count <= 0 || output.size() > most_output) {
            from.reset();
            return;
        }
        output.append(buffer, static_cast<std::size_t>(count));
    }
}

/// The ends of a pipe to read from and to write to.
std::pair<cli::Fd, cli::Fd> make_pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
    }
    return {cli::Fd(ends[0]), cli::Fd(ends[1])};
}

CommandStatus reap(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            throw std::system_error(errno, std::generic_category(), "cannot learn how the command ended");
        }
    }
    return WIFSIGNALED(status) ? CommandStatus{.signal = WTERMSIG(status)}
                               : CommandStatus{.exit_status = WEXITSTATUS(status)};
}

}  // namespace

std::string CommandStatus::text() const {
    if (!not_run.empty()) {
        return fmt::format("was not run, since {}", not_run);
    }
    if (overflow) {
        return fmt::format("wrote more than {} MiB to standard output", most_output >> 20);
    }
    return signal != 0 ? fmt::format("was killed by signal {} ({})", signal, strsignal(signal))
                       : fmt::format("exited with status {}", exit_status);
}

CommandStatus run_command(const std::vector<std::string>& command, const rabbit::Delivery& delivery,
                          CommandOutput output, const std::function<void(std::span<pollfd>)>& wait) {
    const auto variables = variables_of(delivery);
    if (auto why = why_unfit(variables); !why.empty()) {
        return {.not_run = std::move(why)};
    }
    auto [input_read, input_write] = make_pipe();
    fcntl(input_write.get(), F_SETFL, O_NONBLOCK);
    cli::Fd output_read;
    cli::Fd output_write;
    if (output == CommandOutput::captured) {
        std::tie(output_read, output_write) = make_pipe();
        fcntl(output_read.get(), F_SETFL, O_NONBLOCK);
    }
    std::signal(SIGCHLD, SIG_DFL);  // if it is ignored, the system forgets how the command ended
    const auto [error, pid] = spawn(command, environment_with(variables), input_read.get(), output_write);
    if (error == E2BIG) {
        return {.not_run = why_too_large(variables)};
    }
    if (error != 0) {
        throw cli::Failure(cli::ExitCode::failed,
                           fmt::format("cannot run '{}': {}", command.front(), std::strerror(error)));
    }
    input_read.reset();
    output_write.reset();
    const cli::Fd ended(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));

    std::string_view body = delivery.message.body;
    std::string written;
    const auto attend_to_end = [&, child = pid, &to = input_write, &from = output_read](const auto& wait_for) {
        for (;;) {
            pollfd descriptors[] = {{ended.get(), POLLIN, 0}, {to.get(), POLLOUT, 0}, {from.get(), POLLIN, 0}};
            wait_for(descriptors);
            if (descriptors[2].revents != 0) {
                drain(from, written);
            }
            // Without pidfd_open(2), Linux 5.3, no heartbeats are kept once the body is written.
            if (descriptors[0].revents != 0 || (!ended && !to && !from)) {
                auto status = reap(child);
                drain(from, written);
                status.overflow = written.size() > most_output;
                status.output = std::move(written);
                return status;
            }
            if (descriptors[1].revents != 0) {
                feed(to, body);
            }
        }
    };
    try {
        return attend_to_end(wait);
    } catch (...) {  // half a body would look like a whole one
        attend_to_end([](std::span<pollfd> descriptors) { poll(descriptors.data(), descriptors.size(), -1); });
        throw;
    }
}

}  // namespace receiving
