#pragma once

#include "exit_code.hpp"
#include "feeder.hpp"
#include "format.hpp"
#include "options.hpp"
#include "output.hpp"
#include "rabbit/consumer.hpp"
#include "rabbit/publisher.hpp"
#include "report.hpp"
#include "source.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>

struct pollfd;

namespace sending {

/// One run of `send --request`: publishes requests, many at a time, and prints their answers in the order of asking.
///
/// Answers come by direct reply-to (https://www.rabbitmq.com/docs/direct-reply-to) on the channel that the requests were
/// published on. They do not survive its connection: when it was lost, all that is not answered is asked again.
class Requester {
public:
    /// Everything referred to must outlive it.
    Requester(const std::string& program, Options& options, rabbit::Connection& connection, std::string queue);

    cli::ExitCode run(Source& source);

private:
    struct Request {
        rabbit::Address address;
        rabbit::Body body;
        std::shared_ptr<const rabbit::Properties> properties;
        bool confirmed = false;
        bool failed = false;  ///< returned or nacked: nobody will answer
        std::optional<rabbit::Delivery> answer = {};
        bool printed = false;  ///< the answer

        [[nodiscard]] bool is_over() const noexcept { return failed || answer; }
    };

    bool ask(const rabbit::Address& address, const rabbit::Body& body,
             const std::shared_ptr<const rabbit::Properties>& given);
    void publish(const Request& request);
    bool wait(rabbit::Deadline deadline, std::span<pollfd> watched = {});
    void settled(const rabbit::Settlement& settlement);
    void reopened();
    void ask_again();
    void take_answers();
    void print(Request& request);
    void print_answers();
    void print_what_came();
    void close();
    cli::ExitCode end_early(const std::exception& error);
    void say_what_is_missing(const char* before) const;
    [[nodiscard]] std::optional<std::uint64_t> number_of(
        const std::shared_ptr<const rabbit::Properties>& properties) const;
    [[nodiscard]] bool has_room(std::size_t bytes) const noexcept;
    [[nodiscard]] cli::ExitCode exit_code() const noexcept;

    const std::string& program_;
    Options& options_;
    rabbit::Connection& connection_;
    rabbit::Deadline ends_at_;
    std::string run_id_;  ///< what the correlation ids of this run begin with
    cli::Formatter formatter_;
    cli::Output output_;
    Report report_;
    std::deque<Request> requests_;  ///< those whose answer is not printed yet, in the order of asking
    std::uint64_t first_ = 1;       ///< the number of the first of them
    std::size_t bytes_ = 0;         ///< of their bodies and their answers' bodies
    std::uint64_t asked_ = 0;
    std::uint64_t answered_ = 0;
    std::uint64_t ignored_ = 0;  ///< answers that no request waits for
    bool asks_again_ = false;
    bool input_left_ = false;  ///< the time was up before everything was asked
    rabbit::Consumer consumer_;
    rabbit::Publisher publisher_;
    Feeder feeder_;
};

}  // namespace sending
