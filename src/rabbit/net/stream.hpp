#pragma once

#include "net/interrupt.hpp"
#include "rabbit/deadline.hpp"
#include "rabbit/endpoint.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sys/uio.h>

namespace rabbit {

/// Bytes to and from a broker. Never blocks.
class Stream {
public:
    Stream() = default;
    virtual ~Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    /// How many bytes were written or read; 0: wait for the descriptor and try again; empty: the connection has ended,
    /// and end() says why. After a write of less than all `pieces` the next one begins with the same bytes.
    virtual std::optional<std::size_t> write(std::span<const iovec> pieces) = 0;
    virtual std::optional<std::size_t> read(std::span<char> room) = 0;

    /// For poll(2).
    [[nodiscard]] virtual int fd() const noexcept = 0;

    struct End {
        std::string cause;
        bool refused = false;  ///< by a TLS alert: the broker does not want this client
    };
    [[nodiscard]] virtual const End& end() const noexcept = 0;
    /// The connection has ended. If read() found bytes before the end, only its next call says so, and poll(2) may show
    /// nothing.
    [[nodiscard]] bool ended() const noexcept { return !end().cause.empty(); }
};

inline constexpr auto closed_by_peer = "the connection was closed by the other side";

/// Connects, over TCP or TLS as the endpoint says. Throws ErrorKind::unreachable, `refused`, `invalid` for a
/// certificate's file that cannot be used, or `interrupted`.
std::unique_ptr<Stream> open_stream(const Endpoint& endpoint, TimeLimit limit, Interrupt& interrupt);

}  // namespace rabbit
