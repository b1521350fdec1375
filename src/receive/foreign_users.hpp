#pragma once

#include "rabbit/publisher.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>

namespace receiving {

/// The user ids that a broker refuses, since they are not the connection's user's, nor may that user impersonate others
/// (https://www.rabbitmq.com/docs/validated-user-id).
class ForeignUsers {
public:
    explicit ForeignUsers(const std::string& program) : program_(program) {}

    /// The message without its user id, if it was refused because of that. Says so once for each user.
    std::optional<rabbit::Message> replace(const rabbit::Settlement& refused);

    [[nodiscard]] bool contains(const std::string& user) const { return users_.contains(user); }

private:
    const std::string& program_;
    std::set<std::string> users_;
};

}  // namespace receiving
