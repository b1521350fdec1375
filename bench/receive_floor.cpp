// The floor for consuming: frames are walked through where they were received, and bodies written from there.
//
//   receive_floor QUEUE COUNT PREFETCH > LINES
//
// Writes the bodies of COUNT messages, each with a newline, and ends. PREFETCH 0 is auto-ack; otherwise half of
// PREFETCH are acked at a time, after they are written.

#include "arguments.hpp"
#include "session.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

/// Standard output: gathers what is small, writes what is large from where it lies.
class Output {
public:
    void write(std::string_view text) {
        if (text.size() < large) {
            gathered_ += text;
            if (gathered_.size() >= enough) {
                write_out({});
            }
        } else {
            write_out(text);
        }
    }
    void flush() {
        if (!gathered_.empty()) {
            write_out({});
        }
    }

private:
    static constexpr std::size_t large = std::size_t{16} * 1024;
    static constexpr std::size_t enough = std::size_t{64} * 1024;

    void write_out(std::string_view behind) {
        std::string_view parts[] = {gathered_, behind};
        while (!parts[0].empty() || !parts[1].empty()) {
            iovec vectors[] = {vector(parts[0]), vector(parts[1])};
            const auto written = writev(STDOUT_FILENO, vectors, 2);
            if (written == -1) {
                throw std::system_error(errno, std::generic_category(), "cannot write");
            }
            const auto of_first = std::min(static_cast<std::size_t>(written), parts[0].size());
            parts[0].remove_prefix(of_first);
            parts[1].remove_prefix(static_cast<std::size_t>(written) - of_first);
        }
        gathered_.clear();
    }

    static iovec vector(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

    std::string gathered_;
};

class Receiving {
public:
    Receiving(bench::Session& session, std::size_t count, std::size_t prefetch)
        : session_(session), count_(count), acked_together_(prefetch / 2) {}

    void run() {
        while (received_ < count_) {
            while (const auto piece = session_.next()) {
                take(*piece);
            }
            if (received_ < count_ && !session_.receive()) {
                session_.transport().wait(POLLIN);
            }
        }
        output_.flush();
    }

private:
    void take(const bench::Piece& piece) {
        switch (piece.type) {
            case AMQP_FRAME_METHOD: begin(piece); break;
            case AMQP_FRAME_HEADER:  // class, weight, size
                body_left_ = bench::number(piece.payload.substr(4, 8));
                end_if_complete();
                break;
            case AMQP_FRAME_BODY:
                output_.write(piece.payload);
                body_left_ -= piece.payload.size();
                end_if_complete();
                break;
            default: throw std::runtime_error("a frame came that is neither method, header nor body");
        }
    }

    void begin(const bench::Piece& deliver) {
        if (deliver.method() != AMQP_BASIC_DELIVER_METHOD) {
            throw std::runtime_error("instead of a message came another method");
        }
        const auto consumer_tag_size = static_cast<unsigned char>(deliver.arguments()[0]);
        delivery_tag_ = bench::number(deliver.arguments().substr(1 + consumer_tag_size, 8));
    }

    void end_if_complete() {
        if (body_left_ > 0) {
            return;
        }
        output_.write("\n");
        ++received_;
        if (acked_together_ > 0 && (received_ % acked_together_ == 0 || received_ == count_)) {
            ack();
        }
    }

    void ack() {
        output_.flush();
        amqp_basic_ack_t ack{};
        ack.delivery_tag = delivery_tag_;
        ack.multiple = true;
        std::string bytes;
        bench::append_method(bytes, bench::channel, AMQP_BASIC_ACK_METHOD, &ack);
        session_.send(bytes);
    }

    bench::Session& session_;
    std::size_t count_;
    std::size_t acked_together_;
    Output output_;
    std::size_t received_ = 0;
    std::uint64_t delivery_tag_ = 0;
    std::size_t body_left_ = 0;
};

void receive(std::string_view queue, std::size_t count, std::size_t prefetch) {
    bench::Session session;
    if (prefetch > 0) {
        amqp_basic_qos_t qos{};
        qos.prefetch_count = static_cast<std::uint16_t>(prefetch);
        session.call(AMQP_BASIC_QOS_METHOD, &qos, AMQP_BASIC_QOS_OK_METHOD);
    }
    amqp_basic_consume_t consume{};
    consume.queue = bench::to_amqp(queue);
    consume.no_ack = prefetch == 0;
    session.call(AMQP_BASIC_CONSUME_METHOD, &consume, AMQP_BASIC_CONSUME_OK_METHOD);
    Receiving(session, count, prefetch).run();
    session.close();
}

}  // namespace

int main(int argc, char** argv) {
    return bench::run("usage: receive_floor QUEUE COUNT PREFETCH > LINES", argc, argv, 3, [](const auto& arguments) {
        receive(arguments[0], bench::to_number(arguments[1]), bench::to_number(arguments[2]));
    });
}
