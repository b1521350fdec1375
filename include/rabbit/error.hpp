#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace rabbit {

/// What a caller would do differently about an error.
enum class ErrorKind {
    invalid,      ///< an argument that no broker would take: a malformed URL, a name of over 255 bytes
    unreachable,  ///< no connection came about: name, network, or a peer that does not speak AMQP
    refused,      ///< trying again will not help: credentials, permission, virtual host, certificate
    closed,       ///< the broker closed the channel or the connection because of what was asked
    lost,         ///< an open connection ended: network, missed heartbeats, a broker that went down
    timeout,      ///< an answer or a confirm did not come in time
    interrupted,  ///< ConnectionOptions::interrupt became readable
};

/// Some of the broker's reply codes (AMQP 0-9-1, section 1.1 of the generated reference).
namespace reply_code {
inline constexpr int content_too_large = 311;
inline constexpr int access_refused = 403;
inline constexpr int not_found = 404;
inline constexpr int resource_locked = 405;
inline constexpr int precondition_failed = 406;
inline constexpr int not_implemented = 540;
inline constexpr int internal_error = 541;
}  // namespace reply_code

/// Every failure of this library. what() reads "operation, target: cause".
class Error : public std::runtime_error {
public:
    /// `operation` names what was tried and on what ("cannot declare queue 'hello'"), `cause` why it failed.
    Error(ErrorKind kind, std::string_view operation, std::string_view cause, int reply_code = 0);

    [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }

    /// The broker's reply code (AMQP 0-9-1, section 1.1 of the generated reference), 0 if it sent none.
    [[nodiscard]] int reply_code() const noexcept { return reply_code_; }

    /// The part of what() in front of the cause.
    [[nodiscard]] const std::string& operation() const noexcept { return operation_; }
    /// The part of what() behind the operation.
    [[nodiscard]] const std::string& cause() const noexcept { return cause_; }

private:
    ErrorKind kind_;
    int reply_code_;
    std::string operation_;
    std::string cause_;
};

/// In bytes (AMQP 0-9-1, section 4.2.5.3).
constexpr std::size_t longest_short_string = 255;

/// Throws ErrorKind::invalid: `what`, of `size` bytes, is longer.
[[noreturn]] void refuse_short_string(std::string_view what, std::size_t size);

/// Throws ErrorKind::invalid if `name` is longer than AMQP's short strings. `what` says which name it is, e.g. "queue
/// name".
inline void check_short_string(std::string_view what, std::string_view name) {
    if (name.size() > longest_short_string) {
        refuse_short_string(what, name.size());
    }
}

}  // namespace rabbit
