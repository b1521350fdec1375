#pragma once

#include "rabbit/endpoint.hpp"
#include "rabbit/error.hpp"

#include <string>

namespace rabbit {

/// What OpenSSL's errors mean to a user. An `error` is one of ERR_get_error(3)'s numbers.

/// The name or address that the broker's certificate must be for.
const std::string& server_name(const Endpoint& endpoint) noexcept;

bool is_ssl_error(unsigned long error, int reason);

/// The peer ended the connection with an alert (RFC 8446, section 6; RFC 5246, section 7.2).
bool is_alert(unsigned long error);

/// What an alert says about this client. `lacks_certificate`: the broker asked for one, and there was none.
std::string alert_text(unsigned long error, const Endpoint& endpoint, bool lacks_certificate);

/// OpenSSL's own words.
std::string reason_of(unsigned long error);

/// Why a file could not be read; `otherwise` where that was not the reason.
std::string file_error(const std::string& otherwise);

/// What a handshake failed with, from OpenSSL's error queue and `verify_result`, X509_V_OK or what was found wrong.
Error handshake_failure(const std::string& operation, const Endpoint& endpoint, long verify_result,
                        bool lacks_certificate);

}  // namespace rabbit
