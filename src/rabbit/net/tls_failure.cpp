#include "net/tls_failure.hpp"

#include <fmt/format.h>

#include <system_error>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace rabbit {
namespace {

/// The alert's number, -1 for another error.
int alert_of(unsigned long error) {
    const int alert = ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET;
    return ERR_GET_LIB(error) == ERR_LIB_SSL && alert >= 0 && alert <= 255 ? alert : -1;
}

/// The peer does not speak TLS at all.
bool is_no_tls(unsigned long error) {
    return is_ssl_error(error, SSL_R_WRONG_VERSION_NUMBER) || is_ssl_error(error, SSL_R_HTTP_REQUEST) ||
           is_ssl_error(error, SSL_R_PACKET_LENGTH_TOO_LONG);
}

bool is_too_old(unsigned long error) {
    return is_ssl_error(error, SSL_R_UNSUPPORTED_PROTOCOL) || is_ssl_error(error, SSL_R_WRONG_SSL_VERSION) ||
           alert_of(error) == SSL_AD_PROTOCOL_VERSION;
}

bool is_about_certificate(int alert) {
    switch (alert) {
        case SSL_AD_BAD_CERTIFICATE:
        case SSL_AD_UNSUPPORTED_CERTIFICATE:
        case SSL_AD_CERTIFICATE_REVOKED:
        case SSL_AD_CERTIFICATE_EXPIRED:
        case SSL_AD_CERTIFICATE_UNKNOWN:
        case SSL_AD_UNKNOWN_CA:
        case SSL_AD_ACCESS_DENIED:
        case SSL_AD_DECRYPT_ERROR: return true;
        default: return false;
    }
}

std::string verify_failure(const Endpoint& endpoint, long result) {
    const auto& ca_file = endpoint.tls_options.ca_file;
    switch (result) {
        case X509_V_ERR_HOSTNAME_MISMATCH:
            return fmt::format("its certificate is not for the name '{}'", server_name(endpoint));
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return fmt::format("its certificate is not for the address {}", server_name(endpoint));
        case X509_V_ERR_CERT_HAS_EXPIRED: return "its certificate has expired";
        case X509_V_ERR_CERT_NOT_YET_VALID: return "its certificate is not valid yet";
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return fmt::format("its certificate comes from an authority that is not {}",
                               ca_file.empty() ? "among the system's" : fmt::format("in '{}'", ca_file));
        default: return fmt::format("its certificate is not valid: {}", X509_verify_cert_error_string(result));
    }
}

}  // namespace

const std::string& server_name(const Endpoint& endpoint) noexcept {
    const auto& given = endpoint.tls_options.server_name;
    return given.empty() ? endpoint.host : given;
}

bool is_ssl_error(unsigned long error, int reason) {
    return ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == reason;
}

bool is_alert(unsigned long error) {
    return alert_of(error) >= 0;
}

std::string alert_text(unsigned long error, const Endpoint& endpoint, bool lacks_certificate) {
    const int alert = alert_of(error);
    // A server of TLS 1.2 that misses a certificate has no alert of its own for that.
    if (alert == SSL_AD_CERTIFICATE_REQUIRED || (alert == SSL_AD_HANDSHAKE_FAILURE && lacks_certificate)) {
        return "it asks for a certificate of the client's, and none was given";
    }
    const char* text = SSL_alert_desc_string_long(alert);
    return is_about_certificate(alert) && !endpoint.tls_options.certificate_file.empty()
               ? fmt::format("it does not accept the client's certificate: {}", text)
               : fmt::format("it ended TLS with the alert '{}'", text);
}

std::string reason_of(unsigned long error) {
    const char* reason = ERR_reason_error_string(error);
    return reason ? reason : fmt::format("OpenSSL's error {:x}", error);
}

/// The first error is the cause of those after it: no such file, therefore no certificate.
std::string file_error(const std::string& otherwise) {
    const auto error = ERR_peek_error();
    return ERR_GET_LIB(error) == ERR_LIB_SYS ? std::system_category().message(ERR_GET_REASON(error)) : otherwise;
}

Error handshake_failure(const std::string& operation, const Endpoint& endpoint, long verify_result,
                        bool lacks_certificate) {
    const auto error = ERR_peek_last_error();
    if (endpoint.tls_options.verify && verify_result != X509_V_OK) {
        return {ErrorKind::refused, operation, verify_failure(endpoint, verify_result)};
    }
    if (is_no_tls(error)) {
        return {ErrorKind::unreachable, operation, "it does not speak TLS on this port"};
    }
    if (is_too_old(error)) {
        return {ErrorKind::refused, operation, "it offers no version of TLS from 1.2 on"};
    }
    if (is_alert(error)) {
        return {ErrorKind::refused, operation, alert_text(error, endpoint, lacks_certificate)};
    }
    if (ERR_GET_LIB(error) != ERR_LIB_SSL || is_ssl_error(error, SSL_R_UNEXPECTED_EOF_WHILE_READING)) {
        return {ErrorKind::unreachable, operation, "the connection was closed in the middle of the TLS handshake"};
    }
    return {ErrorKind::refused, operation, fmt::format("the TLS handshake failed: {}", reason_of(error))};
}

}  // namespace rabbit
