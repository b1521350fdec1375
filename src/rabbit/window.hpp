#pragma once

#include "codec/publish_head.hpp"
#include "rabbit/body.hpp"
#include "rabbit/listener.hpp"
#include "ring.hpp"
#include "shared_heads.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rabbit {

struct Settlement;
enum class Outcome;

/// Why the broker returned or refused a message.
struct Refusal {
    int reply_code = 0;
    std::string reply_text;
};

/// A message that was published and has no outcome yet.
struct InFlight {
    static constexpr auto not_encoded = std::numeric_limits<std::uint64_t>::max();

    std::uint64_t number = 0;
    std::shared_ptr<const PublishHead> head = {};
    Body body = {};                   ///< none once it is settled
    std::uint64_t end = not_encoded;  ///< the connection's bytes up to the end of this message
    bool settled = false;
    std::unique_ptr<const Refusal> refusal = {};  ///< null for nearly all

    /// What it returns refers to this message.
    [[nodiscard]] Settlement settlement(Outcome outcome) const;
};

/// The messages in flight, in the order of their delivery tags. No I/O of its own.
class Window {
public:
    [[nodiscard]] bool empty() const noexcept { return messages_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return messages_.size(); }
    /// Of the bodies that are not settled.
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] const InFlight& front() const { return messages_.front(); }
    [[nodiscard]] const InFlight* find(const std::function<bool(std::string_view body)>& holds) const;

    void push(InFlight&& message);
    void push(std::uint64_t number, const PublishHead& head, Body body, std::uint64_t end);
    InFlight& at(std::uint64_t tag) { return messages_[tag - first_tag_]; }
    InFlight& back() { return messages_.back(); }
    /// Takes out what is not settled; the window is as new.
    Ring<InFlight> take();

    /// The tag of the last message that is wholly among the connection's first `written` bytes; 0: none.
    std::uint64_t last_written(std::uint64_t written);

    /// Notes a basic.return. It carries no delivery tag, so it is matched by everything it does carry: the first
    /// message, from the last one returned onwards, with its address, body and properties. Where a broker changed the
    /// properties in a way that this library does not know, address and body alone decide. False: no message matches.
    bool mark_returned(Return&& returned);

    /// Calls `settled` for those of the messages `first` to `last` that are not settled yet, and forgets them. False:
    /// there was none.
    bool settle(std::uint64_t first, std::uint64_t last, const std::function<void(const InFlight&)>& settled);
    [[nodiscard]] std::uint64_t first_tag() const noexcept { return first_tag_; }

    /// Tags begin at 1 again, nothing is encoded and nothing returned: the connection is a new one.
    void restart();

private:
    [[nodiscard]] std::optional<std::size_t> find_returned(const Return& returned) const;

    void forget_first();

    Ring<InFlight> messages_;
    SharedHeads heads_;
    std::uint64_t first_tag_ = 1;
    std::size_t bytes_ = 0;
    std::uint64_t last_written_ = 0;   ///< a tag
    std::uint64_t return_cursor_ = 1;  ///< the tag from which to look for what is returned
};

}  // namespace rabbit
