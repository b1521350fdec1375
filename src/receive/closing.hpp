#pragma once

#include "ending.hpp"
#include "failure.hpp"
#include "handler.hpp"
#include "run.hpp"
#include "sieve.hpp"

#include <optional>

namespace receiving {

/// The end of a run: what was taken is acked, what was not is given back, and the connections are closed.
class Closing {
public:
    /// All must outlive it.
    Closing(Run& run, Handler& handler, Sieve& sieve) : run_(run), handler_(handler), sieve_(sieve) {}

    /// After an ending. Whoever has interrupted the run does not wait for a broker that no longer answers.
    void end(Ending ending);

    /// After a failure on this side. Returns it with what was lost by it.
    cli::Failure end(const cli::Failure& failure);

private:
    void finish(Ending ending);
    void take_the_last(Ending ending);
    void limit_answer(Ending ending);
    void await_room();
    std::optional<rabbit::Delivery> next_of_the_last(Ending ending);
    void cancel();

    Run& run_;
    Handler& handler_;
    Sieve& sieve_;
};

}  // namespace receiving
