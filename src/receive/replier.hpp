#pragma once

#include "options.hpp"
#include "target.hpp"

#include <string>

namespace receiving {

/// Publishes the answers of --reply.
class Replier {
public:
    /// `connection` is the one that the requests come by; it waits. Everything referred to must outlive it.
    Replier(const std::string& program, const Options& options, int interrupt, rabbit::Connection& connection,
            Interruption& interruption);
    ~Replier();
    Replier(const Replier&) = delete;
    Replier& operator=(const Replier&) = delete;

    /// Publishes the answer to where the request says, and waits until the broker has confirmed it. Says so if nobody
    /// waits for it. Returns why the broker did not take it; empty: it did. Once a signal has come or `ends_at` has
    /// passed, it waits for 2 s at most.
    std::string reply(const rabbit::Message& request, std::string answer, rabbit::Deadline ends_at);

    /// connection.close; no answer can be published any more.
    void close();

private:
    std::string await_confirm(rabbit::Deadline ends_at);
    void settled(const rabbit::Settlement& settlement);

    const std::string& program_;
    rabbit::Connection& connection_;
    Interruption& interruption_;
    bool nacked_ = false;
    Target target_;
};

}  // namespace receiving
