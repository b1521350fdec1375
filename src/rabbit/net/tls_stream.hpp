#pragma once

#include "net/stream.hpp"

#include <limits>
#include <memory>
#include <string>

struct ssl_ctx_st;
struct ssl_st;

namespace rabbit {

/// What OpenSSL writes to and reads from.
struct TlsTransport {
    static constexpr auto unlimited = std::numeric_limits<int>::max();

    std::unique_ptr<Stream> stream;
    int reads_left = unlimited;  ///< after so many OpenSSL is told that nothing more is there yet
};

/// TLS over another stream, by OpenSSL: version 1.2 or newer, with the broker's certificate checked for its authority
/// and for its name or address. rabbitmq-c's own TLS cannot be interrupted, checks no addresses, and gives no reasons.
class TlsStream final : public Stream {
public:
    /// Reads the endpoint's certificates. Throws ErrorKind::invalid for a file that cannot be used.
    explicit TlsStream(const Endpoint& endpoint);
    ~TlsStream() override;

    /// Takes the stream over. Throws ErrorKind::unreachable, `refused` when certificates or versions do not agree, or
    /// `interrupted`.
    void handshake(std::unique_ptr<Stream> transport, TimeLimit limit, Interrupt& interrupt);

    std::optional<std::size_t> write(std::span<const iovec> pieces) override;
    /// Reads once from the stream below, 64 KiB at most, and gives all records that are complete. With less room the rest
    /// would be hidden from poll(2).
    std::optional<std::size_t> read(std::span<char> room) override;
    [[nodiscard]] int fd() const noexcept override { return transport_.stream->fd(); }
    [[nodiscard]] const End& end() const noexcept override { return end_; }

private:
    struct Free {
        void operator()(ssl_ctx_st* context) const noexcept;
        void operator()(ssl_st* ssl) const noexcept;
    };

    void load_authorities();
    void load_certificate();
    void begin();
    std::string_view next_record(std::span<const iovec> pieces, std::size_t sent);
    std::optional<std::size_t> transferred(int result);
    void find_end();

    Endpoint endpoint_;
    std::string operation_;
    TlsTransport transport_;
    std::unique_ptr<ssl_ctx_st, Free> context_;
    std::unique_ptr<ssl_st, Free> ssl_;
    End end_;
    std::string record_;              ///< plain text of several pieces, to be encrypted
    bool lacks_certificate_ = false;  ///< the broker asked for one
};

}  // namespace rabbit
