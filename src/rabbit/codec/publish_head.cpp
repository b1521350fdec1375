#include "codec/publish_head.hpp"

#include "codec/frame_codec.hpp"
#include "codec/methods.hpp"
#include "codec/properties_codec.hpp"
#include "rabbit/error.hpp"

#include <utility>

namespace rabbit {

PublishHead::PublishHead(Address address, std::shared_ptr<const Properties> properties, bool mandatory,
                         std::size_t frame_max)
    : address_(std::move(address)), properties_(std::move(properties)), mandatory_(mandatory) {
    check_short_string("exchange name", address_.exchange);
    check_short_string("routing key", address_.routing_key);
    amqp_basic_publish_t publish{};
    publish.exchange = to_amqp(address_.exchange);
    publish.routing_key = to_amqp(address_.routing_key);
    publish.mandatory = mandatory_;
    append_frame(frames_, method_frame(publish), frame_max);

    static const Properties none;
    const PropertiesView view(properties_ ? *properties_ : none);
    amqp_frame_t header{};
    header.channel = channel_number;
    header.frame_type = AMQP_FRAME_HEADER;
    header.payload.properties.class_id = AMQP_BASIC_CLASS;
    header.payload.properties.decoded = const_cast<amqp_basic_properties_t*>(&view.get());
    const auto begin = frames_.size();
    append_frame(frames_, header, frame_max);
    body_size_at_ = begin + body_size_in_header_frame;
}

void PublishHead::append_to(std::string& out, std::uint64_t body_size) const {
    const auto begin = out.size();
    out.append(frames_);
    put_body_size(out.data() + begin + body_size_at_, body_size);
}

}  // namespace rabbit
