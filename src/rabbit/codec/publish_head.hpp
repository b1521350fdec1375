#pragma once

#include "rabbit/message.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace rabbit {

/// basic.publish to an address, and its frame. Shared by all messages that are published there.
struct PublishMethod {
    Address address;
    bool mandatory = false;
    std::string frame;
};

/// What goes in front of a body that is published: basic.publish and the content header (AMQP 0-9-1, section 4.2.6.1).
struct PublishHead {
    std::shared_ptr<const PublishMethod> method;
    std::string header;  ///< the content header's frame, in which the size of the body is left open

    /// Appends it for a body of so many bytes.
    void append_to(std::string& out, std::uint64_t body_size) const;
};

/// Encodes heads. Most messages of a stream differ only in their bodies, and many others only in bodies and properties. So
/// what is the same as for the message before is not encoded again.
class PublishEncoder {
public:
    explicit PublishEncoder(std::size_t frame_max) : frame_max_(frame_max) {}

    /// The head of messages with these properties to this address; it lives until the next call. Throws
    /// ErrorKind::invalid for names and properties that AMQP cannot carry, and for what does not fit a frame of `frame_max`
    /// bytes.
    const PublishHead& encode(const Address& address, const std::shared_ptr<const Properties>& properties,
                              bool mandatory);

private:
    void encode_header(const std::shared_ptr<const Properties>& properties);

    std::size_t frame_max_;
    PublishHead head_;
    std::shared_ptr<const Properties> properties_;  ///< of `head_`, or equal to them
};

/// The properties in a content header's frame that PublishEncoder made; null if there are none.
std::shared_ptr<const Properties> decode_properties(const std::string& header);

}  // namespace rabbit
