#pragma once

#include "run.hpp"

#include <optional>
#include <string>

namespace receiving {

/// Publishes the answers of --reply.
class Replier {
public:
    /// `run`, which has a target, must outlive it.
    explicit Replier(Run& run) : run_(run) {}

    /// Publishes the answer to where the request says, and waits until the broker has confirmed it. Says so if nobody
    /// waits for it. Returns why the broker did not take it; empty: it did. Once a signal has come or the time is up, it
    /// waits for 2 s at most.
    std::optional<std::string> reply(const rabbit::Message& request, std::string answer);

private:
    Run& run_;
};

}  // namespace receiving
