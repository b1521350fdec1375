#include "content_decoding.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <stdexcept>

#include <zlib.h>
#include <zstd.h>

namespace cli {
namespace {

constexpr std::size_t chunk = std::size_t{64} * 1024;

std::size_t most_of(std::string_view bytes) {
    constexpr std::size_t ratio = 1000;
    return std::clamp(bytes.size() * ratio, std::size_t{1} << 20, std::size_t{16} << 20);
}

/// Appends at most as much as `decoded` may still take; says whether that was all.
void append(DecodedContent& decoded, const char* data, std::size_t size, std::size_t most) {
    const auto taken = std::min(size, most - decoded.bytes.size());
    decoded.bytes.append(data, taken);
    decoded.whole = taken == size;
}

/// `window_bits` as inflateInit2 has them: they choose between gzip, zlib and neither.
DecodedContent inflate_all(std::string_view bytes, int window_bits) {
    z_stream stream{};
    if (inflateInit2(&stream, window_bits) != Z_OK) {
        throw std::runtime_error("out of memory");
    }
    const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, inflateEnd);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    DecodedContent decoded;
    std::array<char, chunk> buffer{};
    for (;;) {
        stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
        stream.avail_out = static_cast<uInt>(buffer.size());
        const int status = inflate(&stream, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END) {
            throw std::runtime_error(stream.msg ? stream.msg : "it ends too early");
        }
        append(decoded, buffer.data(), buffer.size() - stream.avail_out, most_of(bytes));
        if (!decoded.whole || (status == Z_STREAM_END && stream.avail_in == 0)) {
            return decoded;
        }
        if (status == Z_STREAM_END) {  // gzip's format allows for another member (RFC 1952, section 2.2)
            if (window_bits <= MAX_WBITS) {
                throw std::runtime_error("something follows its end");
            }
            inflateReset(&stream);
            continue;
        }
        if (stream.avail_in == 0 && stream.avail_out > 0) {
            throw std::runtime_error("it ends too early");
        }
    }
}

/// What HTTP calls deflate is zlib's format (RFC 1950); some send the bare one (RFC 1951).
DecodedContent inflate_deflate(std::string_view bytes) {
    try {
        return inflate_all(bytes, MAX_WBITS);
    } catch (const std::runtime_error&) {
        return inflate_all(bytes, -MAX_WBITS);
    }
}

DecodedContent decompress_zstd(std::string_view bytes) {
    constexpr int largest_window = 24;  // 2^24 bytes of memory, whatever the message asks for
    const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
    if (!context || ZSTD_isError(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, largest_window))) {
        throw std::runtime_error("out of memory");
    }
    DecodedContent decoded;
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    std::array<char, chunk> buffer{};
    for (;;) {
        ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
        const auto left = ZSTD_decompressStream(context.get(), &out, &in);
        if (ZSTD_isError(left)) {
            throw std::runtime_error(ZSTD_getErrorName(left));
        }
        append(decoded, buffer.data(), out.pos, most_of(bytes));
        if (!decoded.whole || (left == 0 && in.pos == in.size)) {
            return decoded;
        }
        if (in.pos == in.size && out.pos < out.size) {
            throw std::runtime_error("it ends too early");
        }
    }
}

std::string lower_case(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

}  // namespace

std::optional<DecodedContent> decode_content(std::string_view encoding, std::string_view bytes) {
    constexpr int gzip = 16;
    const auto name = lower_case(encoding);
    if (name == "gzip" || name == "x-gzip") {
        return inflate_all(bytes, gzip + MAX_WBITS);
    }
    if (name == "deflate") {
        return inflate_deflate(bytes);
    }
    if (name == "zstd") {
        return decompress_zstd(bytes);
    }
    return std::nullopt;
}

}  // namespace cli
