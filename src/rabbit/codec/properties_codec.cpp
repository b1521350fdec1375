#include "codec/properties_codec.hpp"

#include "rabbit/error.hpp"

namespace rabbit {
namespace {

struct ShortString {
    const char* name;
    amqp_flags_t flag;
    std::optional<std::string> Properties::*ours;
    amqp_bytes_t amqp_basic_properties_t::*theirs;
};

constexpr ShortString short_strings[] = {
    {"content type", AMQP_BASIC_CONTENT_TYPE_FLAG, &Properties::content_type, &amqp_basic_properties_t::content_type},
    {"content encoding", AMQP_BASIC_CONTENT_ENCODING_FLAG, &Properties::content_encoding,
     &amqp_basic_properties_t::content_encoding},
    {"correlation id", AMQP_BASIC_CORRELATION_ID_FLAG, &Properties::correlation_id,
     &amqp_basic_properties_t::correlation_id},
    {"reply-to", AMQP_BASIC_REPLY_TO_FLAG, &Properties::reply_to, &amqp_basic_properties_t::reply_to},
    {"expiration", AMQP_BASIC_EXPIRATION_FLAG, &Properties::expiration, &amqp_basic_properties_t::expiration},
    {"message id", AMQP_BASIC_MESSAGE_ID_FLAG, &Properties::message_id, &amqp_basic_properties_t::message_id},
    {"type", AMQP_BASIC_TYPE_FLAG, &Properties::type, &amqp_basic_properties_t::type},
    {"user id", AMQP_BASIC_USER_ID_FLAG, &Properties::user_id, &amqp_basic_properties_t::user_id},
    {"app id", AMQP_BASIC_APP_ID_FLAG, &Properties::app_id, &amqp_basic_properties_t::app_id},
    {"cluster id", AMQP_BASIC_CLUSTER_ID_FLAG, &Properties::cluster_id, &amqp_basic_properties_t::cluster_id},
};

}  // namespace

PropertiesView::PropertiesView(const Properties& properties) {
    for (const auto& [name, flag, ours, theirs] : short_strings) {
        if (const auto& text = properties.*ours) {
            check_short_string(name, *text);
            view_._flags |= flag;
            view_.*theirs = to_amqp(*text);
        }
    }
    if (properties.headers) {
        view_._flags |= AMQP_BASIC_HEADERS_FLAG;
        view_.headers = headers_.emplace(*properties.headers).get();
    }
    if (properties.delivery_mode) {
        view_._flags |= AMQP_BASIC_DELIVERY_MODE_FLAG;
        view_.delivery_mode = *properties.delivery_mode;
    }
    if (properties.priority) {
        view_._flags |= AMQP_BASIC_PRIORITY_FLAG;
        view_.priority = *properties.priority;
    }
    if (properties.timestamp) {
        view_._flags |= AMQP_BASIC_TIMESTAMP_FLAG;
        view_.timestamp = properties.timestamp->seconds;
    }
}

std::shared_ptr<const Properties> copy_properties(const amqp_basic_properties_t& properties) {
    if (properties._flags == 0) {
        return nullptr;
    }
    auto result = std::make_shared<Properties>();
    for (const auto& [name, flag, ours, theirs] : short_strings) {
        if (properties._flags & flag) {
            (*result).*ours = copy(properties.*theirs);
        }
    }
    if (properties._flags & AMQP_BASIC_HEADERS_FLAG) {
        result->headers = copy_table(properties.headers);
    }
    if (properties._flags & AMQP_BASIC_DELIVERY_MODE_FLAG) {
        result->delivery_mode = properties.delivery_mode;
    }
    if (properties._flags & AMQP_BASIC_PRIORITY_FLAG) {
        result->priority = properties.priority;
    }
    if (properties._flags & AMQP_BASIC_TIMESTAMP_FLAG) {
        result->timestamp = Timestamp{properties.timestamp};
    }
    return result;
}

}  // namespace rabbit
