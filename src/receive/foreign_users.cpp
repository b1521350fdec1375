#include "foreign_users.hpp"

#include "rabbit/error.hpp"
#include "repr.hpp"
#include "say.hpp"

#include <utility>

namespace receiving {

std::optional<rabbit::Message> ForeignUsers::replace(const rabbit::Settlement& refused) {
    const auto properties = refused.properties();
    if (refused.reply_code != rabbit::reply_code::precondition_failed || !properties || !properties->user_id ||
        refused.reply_text.find("user_id") == std::string::npos) {
        return std::nullopt;
    }
    if (users_.insert(*properties->user_id).second) {
        cli::say("{}: the broker refuses user_id '{}', which is not this connection's user: it is left out\n", program_,
                 cli::printable(*properties->user_id));
    }
    auto without = std::make_shared<rabbit::Properties>(*properties);
    without->user_id.reset();
    return rabbit::Message{.body = std::string(refused.body), .properties = std::move(without)};
}

}  // namespace receiving
