#pragma once

#include "exit_code.hpp"
#include "feeder.hpp"
#include "options.hpp"
#include "output.hpp"
#include "rabbit/error.hpp"
#include "rabbit/publisher.hpp"
#include "report.hpp"
#include "source.hpp"

#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <string>

struct pollfd;

namespace sending {

/// One run of `send` over an open connection: publishes what a source gives and says what became of it.
class Sender {
public:
    /// Everything referred to must outlive it.
    Sender(const std::string& program, Options& options, rabbit::Connection& connection, std::string queue);

    /// Reports what ends it early, together with the point from which to go on.
    cli::ExitCode run(Source& source);

private:
    void take_up_again(std::size_t in_flight);
    void publish(const rabbit::Address& address, rabbit::Body body,
                 const std::shared_ptr<const rabbit::Properties>& properties);
    void settle();
    void wait(rabbit::Deadline deadline, std::span<pollfd> watched = {});
    void settle_and_close(bool interrupted);
    void close();
    cli::ExitCode end_early(const std::exception& error);
    [[nodiscard]] rabbit::Error naming_the_record(const rabbit::Error& error) const;

    const std::string& program_;
    Options& options_;
    rabbit::Connection& connection_;
    bool several_;                      ///< messages, so that there is a point to resume from
    rabbit::Deadline reader_deadline_;  ///< for what the output's reader has not taken yet
    cli::Output output_;
    Report report_;
    rabbit::Publisher publisher_;
    Feeder feeder_;
};

}  // namespace sending
