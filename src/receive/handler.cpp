#include "handler.hpp"

#include "say.hpp"

namespace receiving {

void Handler::announce(std::string_view line) {
    if (!run_.options.verbosity.quiet) {
        cli::say("{}", line);
    }
}

void Handler::settle(AckTime time) {
    run_.subscription.tell(run_.acks.due(time));
}

}  // namespace receiving
