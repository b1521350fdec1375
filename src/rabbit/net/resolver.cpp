#include "net/resolver.hpp"

#include "net/poll.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <system_error>
#include <thread>

#include <sys/eventfd.h>
#include <unistd.h>

namespace rabbit {
namespace {

struct Answer {
    int status = 0;  ///< getaddrinfo's
    int error = 0;   ///< errno, where the status is EAI_SYSTEM
    std::vector<SocketAddress> addresses;
};

Answer look_up(Lookup lookup, const std::string& host, const std::string& port, int flags) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | flags;
    addrinfo* list = nullptr;
    Answer answer;
    answer.status = lookup(host.c_str(), port.c_str(), &hints, &list);
    answer.error = errno;
    if (answer.status != 0) {
        return answer;
    }
    for (const auto* each = list; each; each = each->ai_next) {
        auto& address = answer.addresses.emplace_back();
        address.size = each->ai_addrlen;
        std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
    }
    freeaddrinfo(list);
    return answer;
}

/// What the thread and the one that waits for it share; it lives as long as either.
struct Question {
    Question() : answered(eventfd(0, EFD_CLOEXEC)) {
        if (answered < 0) {
            throw std::system_error(errno, std::generic_category(), "cannot resolve a name");
        }
    }
    ~Question() { close(answered); }
    Question(const Question&) = delete;
    Question& operator=(const Question&) = delete;

    int answered;  ///< readable once the answer is there
    Answer answer;
};

/// A thread starts with the signal mask of the one that makes it; signals are for that one.
class SignalsBlocked {
public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t before_;
};

std::shared_ptr<const Question> ask(Lookup lookup, const std::string& host, const std::string& port) {
    auto question = std::make_shared<Question>();
    const SignalsBlocked blocked;
    std::thread([question, lookup, host, port] {
        question->answer = look_up(lookup, host, port, 0);
        eventfd_write(question->answered, 1);
    }).detach();
    return question;
}

}  // namespace

std::vector<SocketAddress> resolve(const Endpoint& endpoint, Deadline deadline, Interrupt& interrupt,
                                   std::string_view operation, Lookup lookup) {
    const auto port = std::to_string(endpoint.port);
    auto answer = look_up(lookup, endpoint.host, port, AI_NUMERICHOST);  // an address needs no thread
    if (answer.status != 0) {
        const auto question = ask(lookup, endpoint.host, port);
        while (!wait_ready(question->answered, POLLIN, deadline, interrupt, operation).events) {
            if (passed(deadline)) {
                throw Error(ErrorKind::unreachable, operation, "its name was not resolved in time");
            }
        }
        answer = question->answer;
    }
    if (answer.status != 0) {
        throw Error(ErrorKind::unreachable, operation,
                    answer.status == EAI_SYSTEM ? std::strerror(answer.error) : gai_strerror(answer.status));
    }
    return answer.addresses;
}

}  // namespace rabbit
