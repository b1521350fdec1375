#include "fake_broker.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include <sys/eventfd.h>
#include <unistd.h>

using rabbit::arguments_of;
using rabbit::to_amqp;

/// The client's end. Its descriptor is always writable, and readable while there is something to read.
class FakeBroker::End final : public rabbit::Stream {
public:
    explicit End(FakeBroker& broker) : broker_(broker), fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        broker_.end_ = this;
    }
    ~End() override {
        if (broker_.end_ == this) {
            broker_.end_ = nullptr;
        }
        close(fd_);
    }

    void make_readable() const { eventfd_write(fd_, 1); }

    std::optional<std::size_t> write(std::span<const iovec> pieces) override {
        ++broker_.writes;
        std::size_t size = 0;
        for (const auto& piece : pieces) {
            const auto taken = std::min(piece.iov_len, broker_.takes - size);
            written_.append(static_cast<const char*>(piece.iov_base), taken);
            size += taken;
        }
        constexpr std::string_view protocol_header("AMQP\0\0\x09\x01", 8);
        if (written_.starts_with(protocol_header)) {
            written_.erase(0, protocol_header.size());
            broker_.say(with<amqp_connection_start_t>([&](auto& m) {
                m.version_minor = 9;
                m.mechanisms = to_amqp("PLAIN");
                m.locales = to_amqp("en_US");
            }));
        }
        while (written_.size() >= rabbit::frame_header && written_.size() >= rabbit::frame_size(written_.data())) {
            auto frame = written_.substr(0, rabbit::frame_size(written_.data()));
            written_.erase(0, frame.size());
            broker_.hear(*decoder_.decode(frame.data()));
        }
        return size;
    }

    std::optional<std::size_t> read(std::span<char> room) override {
        auto& said = broker_.said_;
        if (said.empty() && broker_.hung_up_) {
            end_.cause = rabbit::closed_by_peer;
            return std::nullopt;
        }
        const auto size = std::min(room.size(), said.size());
        std::memcpy(room.data(), said.data(), size);
        said.erase(0, size);
        if (said.empty() && !broker_.hung_up_) {
            eventfd_t value;
            eventfd_read(fd_, &value);
        }
        return size;
    }

    [[nodiscard]] int fd() const noexcept override { return fd_; }
    [[nodiscard]] const rabbit::Stream::End& end() const noexcept override { return end_; }

private:
    FakeBroker& broker_;
    int fd_;
    std::string written_;
    rabbit::FrameDecoder decoder_;
    rabbit::Stream::End end_;
};

rabbit::StreamOpener FakeBroker::opener() {
    return [this](const rabbit::Endpoint&, rabbit::TimeLimit, rabbit::Interrupt&) {
        said_.clear();
        hung_up_ = false;
        ++connections_;
        return std::make_unique<End>(*this);
    };
}

void FakeBroker::hang_up() {
    hung_up_ = true;
    if (end_) {
        end_->make_readable();
    }
}

void FakeBroker::say(const amqp_frame_t& frame) {
    constexpr std::size_t most = std::size_t{128} * 1024;
    rabbit::append_frame(said_, frame, most);
    if (end_) {
        end_->make_readable();
    }
}

void FakeBroker::deliver(std::uint64_t tag, std::string_view body, const rabbit::Properties& properties) {
    say(with<amqp_basic_deliver_t>([&](auto& m) {
        m.consumer_tag = to_amqp("consumer");
        m.delivery_tag = tag;
        m.routing_key = to_amqp("hello");
    }));
    say_content(properties, body);
}

void FakeBroker::give_back(std::string_view exchange, std::string_view routing_key, std::string_view body,
                           const rabbit::Properties& properties) {
    say(with<amqp_basic_return_t>([&](auto& m) {
        m.reply_code = AMQP_NO_ROUTE;
        m.reply_text = to_amqp("NO_ROUTE");
        m.exchange = to_amqp(exchange);
        m.routing_key = to_amqp(routing_key);
    }));
    say_content(properties, body);
}

void FakeBroker::say_content(const rabbit::Properties& properties, std::string_view body) {
    const rabbit::PropertiesView view(properties);
    amqp_frame_t frame{};
    frame.channel = rabbit::channel_number;
    frame.frame_type = AMQP_FRAME_HEADER;
    frame.payload.properties.class_id = AMQP_BASIC_CLASS;
    frame.payload.properties.body_size = body.size();
    frame.payload.properties.decoded = const_cast<amqp_basic_properties_t*>(&view.get());
    say(frame);
    if (!body.empty()) {
        frame.frame_type = AMQP_FRAME_BODY;
        frame.payload.body_fragment = to_amqp(body);
        say(frame);
    }
}

void FakeBroker::ack(std::uint64_t tag, bool multiple) {
    say(with<amqp_basic_ack_t>([&](auto& m) {
        m.delivery_tag = tag;
        m.multiple = multiple;
    }));
}

void FakeBroker::nack(std::uint64_t tag, bool multiple) {
    say(with<amqp_basic_nack_t>([&](auto& m) {
        m.delivery_tag = tag;
        m.multiple = multiple;
    }));
}

void FakeBroker::hear(const amqp_frame_t& frame) {
    if (frame.frame_type == AMQP_FRAME_METHOD) {
        answer(frame);
    }
    if (frame.channel == rabbit::channel_number) {
        on_frame(frame);
    }
}

void FakeBroker::answer(const amqp_frame_t& frame) {
    const auto id = frame.payload.method.id;
    Heard entry;
    entry.method = id;
    switch (id) {
        case AMQP_CONNECTION_START_OK_METHOD:
            say(amqp_connection_tune_t{.channel_max = 0, .frame_max = frame_max, .heartbeat = 0});
            break;
        case AMQP_CONNECTION_OPEN_METHOD: say(amqp_connection_open_ok_t{}); break;
        case AMQP_CONNECTION_CLOSE_METHOD: say(amqp_connection_close_ok_t{}); break;
        case AMQP_CHANNEL_OPEN_METHOD: say(amqp_channel_open_ok_t{}); break;
        case AMQP_BASIC_QOS_METHOD: say(amqp_basic_qos_ok_t{}); break;
        case AMQP_BASIC_CONSUME_METHOD:
            say(with<amqp_basic_consume_ok_t>([&](auto& m) { m.consumer_tag = to_amqp("consumer"); }));
            break;
        case AMQP_BASIC_CANCEL_METHOD:
            say(with<amqp_basic_cancel_ok_t>([&](auto& m) { m.consumer_tag = to_amqp("consumer"); }));
            break;
        case AMQP_QUEUE_DECLARE_METHOD:
            if (refuses_queues) {
                say(with<amqp_channel_close_t>([](auto& m) {
                    m.reply_code = AMQP_PRECONDITION_FAILED;
                    m.reply_text = to_amqp("PRECONDITION_FAILED");
                }));
                break;
            }
            say(with<amqp_queue_declare_ok_t>(
                [&](auto& m) { m.queue = arguments_of<amqp_queue_declare_t>(frame).queue; }));
            break;
        case AMQP_BASIC_PUBLISH_METHOD:
            entry.routing_key = rabbit::copy(arguments_of<amqp_basic_publish_t>(frame).routing_key);
            break;
        case AMQP_BASIC_ACK_METHOD: {
            const auto& ack = arguments_of<amqp_basic_ack_t>(frame);
            entry.delivery_tag = ack.delivery_tag;
            entry.flag = ack.multiple != 0;
            break;
        }
        case AMQP_BASIC_NACK_METHOD: {
            const auto& nack = arguments_of<amqp_basic_nack_t>(frame);
            entry.delivery_tag = nack.delivery_tag;
            entry.flag = nack.requeue != 0;
            break;
        }
        case AMQP_BASIC_REJECT_METHOD: {
            const auto& reject = arguments_of<amqp_basic_reject_t>(frame);
            entry.delivery_tag = reject.delivery_tag;
            entry.flag = reject.requeue != 0;
            break;
        }
        default: break;
    }
    if (frame.channel == rabbit::channel_number) {
        heard.push_back(std::move(entry));
    }
}
