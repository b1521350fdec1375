#include "net/stream.hpp"

#include "net/tcp_stream.hpp"
#include "net/tls_stream.hpp"

namespace rabbit {

std::unique_ptr<Stream> open_stream(const Endpoint& endpoint, TimeLimit limit, Interrupt& interrupt) {
    if (!endpoint.tls) {
        return connect_tcp(endpoint, limit.end, interrupt);
    }
    auto tls = std::make_unique<TlsStream>(endpoint);  // looks at its files before anything is connected to
    tls->handshake(connect_tcp(endpoint, limit.end, interrupt), limit, interrupt);
    return tls;
}

}  // namespace rabbit
