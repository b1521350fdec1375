#include "codec/publish_head.hpp"

#include "codec/frame_codec.hpp"
#include "codec/methods.hpp"
#include "codec/properties_codec.hpp"
#include "rabbit/error.hpp"

#include <utility>

namespace rabbit {
namespace {

std::shared_ptr<const PublishMethod> encode_method(const Address& address, bool mandatory, std::size_t frame_max) {
    check_short_string("exchange name", address.exchange);
    check_short_string("routing key", address.routing_key);
    amqp_basic_publish_t publish{};
    publish.exchange = to_amqp(address.exchange);
    publish.routing_key = to_amqp(address.routing_key);
    publish.mandatory = mandatory;
    PublishMethod method{address, mandatory, {}};
    append_frame(method.frame, method_frame(publish), frame_max);
    return std::make_shared<const PublishMethod>(std::move(method));
}

/// The message_id first: it differs most often, and headers take long to compare.
bool are_equal(const std::shared_ptr<const Properties>& a, const std::shared_ptr<const Properties>& b) {
    return a == b || (a && b && a->message_id == b->message_id && *a == *b);
}

}  // namespace

void PublishHead::append_to(std::string& out, std::uint64_t body_size) const {
    out.append(method->frame);
    const auto begin = out.size();
    out.append(header);
    put_body_size(out.data() + begin + body_size_in_header_frame, body_size);
}

const PublishHead& PublishEncoder::encode(const Address& address, const std::shared_ptr<const Properties>& properties,
                                          bool mandatory) {
    if (!head_.method || mandatory != head_.method->mandatory || address != head_.method->address) {
        head_.method = encode_method(address, mandatory, frame_max_);
    }
    if (head_.header.empty() || !are_equal(properties, properties_)) {
        encode_header(properties);
    }
    return head_;
}

void PublishEncoder::encode_header(const std::shared_ptr<const Properties>& properties) {
    static const Properties none;
    head_.header.clear();
    const PropertiesView view(properties ? *properties : none);
    amqp_frame_t header{};
    header.channel = channel_number;
    header.frame_type = AMQP_FRAME_HEADER;
    header.payload.properties.class_id = AMQP_BASIC_CLASS;
    header.payload.properties.decoded = const_cast<amqp_basic_properties_t*>(&view.get());
    append_frame(head_.header, header, frame_max_);
    properties_ = properties;
}

std::shared_ptr<const Properties> decode_properties(const std::string& header) {
    FrameDecoder decoder;
    auto encoded = header;
    const auto frame = decoder.decode(encoded.data());
    const auto* properties =
        frame ? static_cast<const amqp_basic_properties_t*>(frame->payload.properties.decoded) : nullptr;
    return properties ? copy_properties(*properties) : nullptr;
}

}  // namespace rabbit
