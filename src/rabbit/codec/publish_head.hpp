#pragma once

#include "rabbit/message.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace rabbit {

/// What goes in front of a body that is published: basic.publish and the content header (AMQP 0-9-1, section 4.2.6.1).
/// Most messages of a stream differ only in their bodies, and many others only in bodies and properties. So what is the
/// same as for the message before is not encoded again.
class PublishHead {
public:
    explicit PublishHead(std::size_t frame_max) : frame_max_(frame_max) {}

    /// Makes it that of messages with these properties to this address. Throws ErrorKind::invalid for names and properties
    /// that AMQP cannot carry, and for what does not fit a frame of `frame_max` bytes.
    void set(const Address& address, const std::shared_ptr<const Properties>& properties, bool mandatory);

    /// Appends it for a body of so many bytes. Call set() first.
    void append_to(std::string& out, std::uint64_t body_size) const;

private:
    void encode_method(const Address& address, bool mandatory);
    void encode_header(const std::shared_ptr<const Properties>& properties);

    std::size_t frame_max_;
    Address address_;
    std::shared_ptr<const Properties> properties_;
    bool mandatory_ = false;
    std::string frames_;  ///< of the method and, behind it, of the header
    std::size_t method_size_ = 0;
};

}  // namespace rabbit
