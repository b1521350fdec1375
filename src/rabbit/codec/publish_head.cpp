#include "codec/publish_head.hpp"

#include "codec/frame_codec.hpp"
#include "codec/methods.hpp"
#include "codec/properties_codec.hpp"
#include "rabbit/error.hpp"

namespace rabbit {

void PublishHead::set(const Address& address, const std::shared_ptr<const Properties>& properties, bool mandatory) {
    const bool is_complete = frames_.size() > method_size_;
    if (method_size_ == 0 || mandatory != mandatory_ || address != address_) {
        encode_method(address, mandatory);
    } else if (is_complete && properties == properties_) {
        return;
    }
    encode_header(properties);
}

void PublishHead::encode_method(const Address& address, bool mandatory) {
    frames_.clear();
    method_size_ = 0;
    check_short_string("exchange name", address.exchange);
    check_short_string("routing key", address.routing_key);
    amqp_basic_publish_t publish{};
    publish.exchange = to_amqp(address.exchange);
    publish.routing_key = to_amqp(address.routing_key);
    publish.mandatory = mandatory;
    append_frame(frames_, method_frame(publish), frame_max_);
    address_ = address;
    mandatory_ = mandatory;
    method_size_ = frames_.size();
}

void PublishHead::encode_header(const std::shared_ptr<const Properties>& properties) {
    static const Properties none;
    frames_.resize(method_size_);
    const PropertiesView view(properties ? *properties : none);
    amqp_frame_t header{};
    header.channel = channel_number;
    header.frame_type = AMQP_FRAME_HEADER;
    header.payload.properties.class_id = AMQP_BASIC_CLASS;
    header.payload.properties.decoded = const_cast<amqp_basic_properties_t*>(&view.get());
    append_frame(frames_, header, frame_max_);
    properties_ = properties;
}

void PublishHead::append_to(std::string& out, std::uint64_t body_size) const {
    const auto begin = out.size();
    out.append(frames_);
    put_body_size(out.data() + begin + method_size_ + body_size_in_header_frame, body_size);
}

}  // namespace rabbit
