// The floor for consuming: rabbitmq-c's loop with nothing around it.
//
//   receive_floor QUEUE COUNT auto|acked > LINES
//
// Writes the bodies of COUNT messages, each with a newline, and ends. `acked` has 1,000 prefetched and acks 500 at a
// time, after they are written.

#include "session.hpp"

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <system_error>

namespace {

constexpr std::uint16_t prefetch = 1000;
constexpr std::uint64_t acked_together = 500;

void write_line(amqp_bytes_t body) {
    if (std::fwrite(body.bytes, 1, body.len, stdout) != body.len || std::fputc('\n', stdout) == EOF) {
        throw std::runtime_error("cannot write");
    }
}

void flush() {
    if (std::fflush(stdout) != 0) {
        throw std::runtime_error("cannot write");
    }
}

void receive_lines(std::string_view queue, std::uint64_t count, bool acked) {
    bench::Session session;
    auto* const state = session.state();
    if (acked) {
        amqp_basic_qos(state, bench::channel, 0, prefetch, false);
        session.check_reply("cannot set the prefetch count");
    }
    amqp_basic_consume(state, bench::channel, bench::to_amqp(queue), amqp_empty_bytes, false, !acked, false,
                       amqp_empty_table);
    session.check_reply("cannot consume");

    for (std::uint64_t received = 1; received <= count; ++received) {
        amqp_maybe_release_buffers(state);
        amqp_envelope_t envelope;
        bench::check(amqp_consume_message(state, &envelope, nullptr, 0), "cannot receive");
        const auto delivery_tag = envelope.delivery_tag;
        write_line(envelope.message.body);
        amqp_destroy_envelope(&envelope);
        if (acked && (received % acked_together == 0 || received == count)) {
            flush();
            bench::check(amqp_basic_ack(state, bench::channel, delivery_tag, true), "cannot ack");
        }
    }
    flush();
    session.close();
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view count_text = argc == 4 ? argv[2] : "";
    const std::string_view mode = argc == 4 ? argv[3] : "";
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(count_text.data(), count_text.data() + count_text.size(), count);
    if (error != std::errc() || end != count_text.data() + count_text.size() || (mode != "auto" && mode != "acked")) {
        std::fprintf(stderr, "usage: receive_floor QUEUE COUNT auto|acked > LINES\n");
        return 64;
    }
    try {
        receive_lines(argv[1], count, mode == "acked");
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "receive_floor: %s\n", failure.what());
        return 1;
    }
}
