// A URL is an endpoint or an Error of kind `invalid`.
#include "fuzz.hpp"
#include "rabbit/endpoint.hpp"
#include "rabbit/error.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const auto endpoint = rabbit::Endpoint::parse(text_of(data, size));
        require(endpoint.port != 0 && !endpoint.host.empty() && endpoint.vhost.size() <= 255);
        require(endpoint.host.find('\0') == std::string::npos);
        require(endpoint.name().find(endpoint.host) != std::string::npos);
    } catch (const rabbit::Error& error) {
        require(error.kind() == rabbit::ErrorKind::invalid);
    }
    return 0;
}
