#pragma once

#include "net/interrupt.hpp"
#include "rabbit/deadline.hpp"
#include "rabbit/endpoint.hpp"

#include <string_view>
#include <vector>

#include <netdb.h>
#include <sys/socket.h>

namespace rabbit {

/// One of a host's addresses, with the port.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
    [[nodiscard]] int family() const noexcept { return storage.ss_family; }
};

/// getaddrinfo(3), or what stands in for it in tests.
using Lookup = decltype(&getaddrinfo);

/// The addresses of an endpoint's host, at least one. getaddrinfo(3) has neither a deadline nor an interrupt, so it
/// runs in a thread, which is left to end by itself when it is no longer waited for. Throws ErrorKind::unreachable or
/// `interrupted`.
std::vector<SocketAddress> resolve(const Endpoint& endpoint, Deadline deadline, Interrupt& interrupt,
                                   std::string_view operation, Lookup lookup = getaddrinfo);

}  // namespace rabbit
