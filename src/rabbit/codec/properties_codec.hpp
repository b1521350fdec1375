#pragma once

#include "codec/amqp.hpp"
#include "codec/table_codec.hpp"
#include "rabbit/message.hpp"

#include <optional>

namespace rabbit {

/// Properties in rabbitmq-c's form, for sending. Points into the Properties, which must outlive it.
/// Throws ErrorKind::invalid for a text that AMQP's short strings cannot hold.
class PropertiesView {
public:
    explicit PropertiesView(const Properties& properties);
    PropertiesView(const PropertiesView&) = delete;
    PropertiesView& operator=(const PropertiesView&) = delete;

    [[nodiscard]] const amqp_basic_properties_t& get() const noexcept { return view_; }

private:
    std::optional<TableView> headers_;
    amqp_basic_properties_t view_{};
};

/// Copies received properties; null if there are none.
std::shared_ptr<const Properties> copy_properties(const amqp_basic_properties_t& properties);

}  // namespace rabbit
