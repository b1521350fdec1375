#pragma once

#include "net/resolver.hpp"
#include "net/stream.hpp"

namespace rabbit {

/// A connected TCP socket.
class TcpStream final : public Stream {
public:
    /// Takes the non-blocking socket over.
    explicit TcpStream(int fd) noexcept : fd_(fd) {}
    ~TcpStream() override;

    std::optional<std::size_t> write(std::span<const iovec> pieces) override;
    std::optional<std::size_t> read(std::span<char> room) override;
    [[nodiscard]] int fd() const noexcept override { return fd_; }
    [[nodiscard]] const End& end() const noexcept override { return end_; }

private:
    std::optional<std::size_t> failed();

    int fd_;
    End end_;
};

/// Connects to the first of the endpoint's addresses that answers. Throws ErrorKind::unreachable or `interrupted`.
std::unique_ptr<TcpStream> connect_tcp(const Endpoint& endpoint, Deadline deadline, Interrupt& interrupt);

/// The same with addresses that are known. Each gets an equal share of the time that is left, so that one that is
/// silent does not keep the others from being tried; the Error gives the last one's reason.
std::unique_ptr<TcpStream> connect_tcp(const std::vector<SocketAddress>& addresses, Deadline deadline,
                                       Interrupt& interrupt, std::string_view operation);

}  // namespace rabbit
