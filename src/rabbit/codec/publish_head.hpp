#pragma once

#include "rabbit/message.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace rabbit {

/// What goes in front of a body that is published: basic.publish and the content header (AMQP 0-9-1, section 4.2.6.1).
/// Most messages of a stream differ only in their bodies, so it is encoded once for all of them.
class PublishHead {
public:
    /// Throws ErrorKind::invalid for names and properties that AMQP cannot carry, and for what does not fit a frame of
    /// `frame_max` bytes.
    PublishHead(Address address, std::shared_ptr<const Properties> properties, bool mandatory, std::size_t frame_max);

    /// It is that of a message with these properties, the same object, to this address.
    [[nodiscard]] bool fits(const Address& address, const std::shared_ptr<const Properties>& properties,
                            bool mandatory) const {
        return properties == properties_ && mandatory == mandatory_ && address == address_;
    }

    /// Appends it for a body of so many bytes.
    void append_to(std::string& out, std::uint64_t body_size) const;

private:
    Address address_;
    std::shared_ptr<const Properties> properties_;
    bool mandatory_;
    std::string frames_;
    std::size_t body_size_at_;  ///< where in frames_ the size of the body goes
};

}  // namespace rabbit
