#pragma once

#include "message_fields.hpp"
#include "rabbit/message.hpp"

#include <memory>
#include <vector>

namespace simdjson::dom {
class element;
class object;
}  // namespace simdjson::dom

namespace cli {

/// Reads properties as records have them, one after the other. Where the last ones are repeated, with the usual types of
/// headers and in the same order, they are not made again, but shared.
class PropertiesReader {
public:
    /// Null if there are none. Throws std::invalid_argument with a text that says what is wrong.
    std::shared_ptr<const rabbit::Properties> read(const simdjson::dom::element& json);

private:
    [[nodiscard]] bool are_last(const simdjson::dom::object& members) const;
    std::shared_ptr<const rabbit::Properties> make(const simdjson::dom::object& members);

    std::shared_ptr<const rabbit::Properties> last_;
    std::vector<const MessageProperty*> order_;  ///< of the members that `last_` was made of
};

}  // namespace cli
