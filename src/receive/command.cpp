#include "command.hpp"

#include "failure.hpp"
#include "value_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace receiving {
namespace {

/// A descriptor that is closed with it.
class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() { reset(); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    [[nodiscard]] int get() const noexcept { return fd_; }
    void reset() {
        if (fd_ >= 0) {
            close(std::exchange(fd_, -1));
        }
    }

private:
    int fd_;
};

using Variables = std::vector<std::pair<const char*, std::string>>;

Variables variables_of(const rabbit::Delivery& delivery) {
    Variables variables{{"AMQP_EXCHANGE", delivery.address.exchange},
                        {"AMQP_ROUTING_KEY", delivery.address.routing_key},
                        {"AMQP_DELIVERY_TAG", std::to_string(delivery.delivery_tag)},
                        {"AMQP_REDELIVERED", delivery.redelivered ? "true" : "false"}};
    if (!delivery.message.properties) {
        return variables;
    }
    const auto& p = *delivery.message.properties;
    const auto add = [&variables](const char* name, const std::optional<std::string>& value) {
        if (value) {
            variables.emplace_back(name, *value);
        }
    };
    add("AMQP_CONTENT_TYPE", p.content_type);
    add("AMQP_CONTENT_ENCODING", p.content_encoding);
    add("AMQP_CORRELATION_ID", p.correlation_id);
    add("AMQP_REPLY_TO", p.reply_to);
    add("AMQP_EXPIRATION", p.expiration);
    add("AMQP_MESSAGE_ID", p.message_id);
    add("AMQP_TYPE", p.type);
    add("AMQP_USER_ID", p.user_id);
    add("AMQP_APP_ID", p.app_id);
    if (p.headers) {
        variables.emplace_back("AMQP_HEADERS", cli::json_of(*p.headers).dump());
    }
    if (p.delivery_mode) {
        variables.emplace_back("AMQP_DELIVERY_MODE", std::to_string(*p.delivery_mode));
    }
    if (p.priority) {
        variables.emplace_back("AMQP_PRIORITY", std::to_string(*p.priority));
    }
    if (p.timestamp) {
        variables.emplace_back("AMQP_TIMESTAMP", std::to_string(p.timestamp->seconds));
    }
    return variables;
}

/// Of an outer message, whose command this process may be.
bool is_message_variable(std::string_view text) {
    static constexpr std::array<std::string_view, 17> names{
        "AMQP_EXCHANGE", "AMQP_ROUTING_KEY", "AMQP_DELIVERY_TAG", "AMQP_REDELIVERED", "AMQP_CONTENT_TYPE",
        "AMQP_CONTENT_ENCODING", "AMQP_CORRELATION_ID", "AMQP_REPLY_TO", "AMQP_EXPIRATION", "AMQP_MESSAGE_ID",
        "AMQP_TYPE", "AMQP_USER_ID", "AMQP_APP_ID", "AMQP_HEADERS", "AMQP_DELIVERY_MODE", "AMQP_PRIORITY",
        "AMQP_TIMESTAMP"};
    return std::find(names.begin(), names.end(), text.substr(0, text.find('='))) != names.end();
}

/// This process's environment with the message's variables. The connection's, AMQP_URL above all, stay: the command may
/// want to answer.
std::vector<std::string> environment_for(const rabbit::Delivery& delivery) {
    std::vector<std::string> result;
    for (char** variable = environ; *variable; ++variable) {
        const std::string_view text(*variable);
        if (!is_message_variable(text)) {
            result.emplace_back(text);
        }
    }
    for (const auto& [name, value] : variables_of(delivery)) {
        if (value.find('\0') == std::string::npos) {  // no environment can hold it
            result.push_back(fmt::format("{}={}", name, value));
        }
    }
    return result;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (auto& text : texts) {
        result.push_back(text.data());
    }
    result.push_back(nullptr);
    return result;
}

/// The signals that this process handles or ignores are the command's own again.
pid_t spawn(std::vector<std::string> command, const rabbit::Delivery& delivery, int standard_input) {
    auto environment = environment_for(delivery);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, standard_input, STDIN_FILENO);
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
    if (error != 0) {
        throw cli::Failure(cli::ExitCode::failed, fmt::format("cannot run '{}': {}", command.front(), std::strerror(error)));
    }
    return pid;
}

/// Writes what the pipe takes; closes it at the body's end or when the command no longer reads.
void feed(Descriptor& to, std::string_view& body) {
    const auto count = body.empty() ? 0 : write(to.get(), body.data(), body.size());
    if (count > 0) {
        body.remove_prefix(static_cast<std::size_t>(count));
    }
    if (body.empty() || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        to.reset();
    }
}

CommandStatus reap(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? CommandStatus{.signal = WTERMSIG(status)}
                               : CommandStatus{.exit_status = WEXITSTATUS(status)};
}

}  // namespace

std::string CommandStatus::text() const {
    return signal != 0 ? fmt::format("was killed by signal {} ({})", signal, strsignal(signal))
                       : fmt::format("exited with status {}", exit_status);
}

CommandStatus run_command(const std::vector<std::string>& command, const rabbit::Delivery& delivery,
                          const std::function<void(std::span<pollfd>)>& wait) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
    }
    Descriptor read_end(ends[0]);
    Descriptor write_end(ends[1]);
    fcntl(write_end.get(), F_SETFL, O_NONBLOCK);
    const auto pid = spawn(command, delivery, read_end.get());
    read_end.reset();
    const Descriptor ended(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));

    std::string_view body = delivery.message.body;
    const auto feed_to_end = [&](const auto& wait_for) {
        for (;;) {
            pollfd descriptors[] = {{ended.get(), POLLIN, 0}, {write_end.get(), POLLOUT, 0}};
            wait_for(descriptors);
            // Without pidfd_open(2), Linux 5.3, no heartbeats are kept once the body is written.
            if (descriptors[0].revents != 0 || (ended.get() < 0 && write_end.get() < 0)) {
                return reap(pid);
            }
            if (descriptors[1].revents != 0) {
                feed(write_end, body);
            }
        }
    };
    try {
        return feed_to_end(wait);
    } catch (...) {  // half a body would look like a whole one
        feed_to_end([](std::span<pollfd> descriptors) { poll(descriptors.data(), descriptors.size(), -1); });
        throw;
    }
}

}  // namespace receiving
