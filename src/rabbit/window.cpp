#include "window.hpp"

#include "rabbit/publisher.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

namespace rabbit {
namespace {

Table routed(const Table& table, bool top);

/// RabbitMQ 4 writes an unsigned 64-bit integer back as a signed one.
Value routed(const Value& value) {
    if (const auto* number = std::get_if<std::uint64_t>(&value.data)) {
        return {static_cast<std::int64_t>(*number)};
    }
    if (const auto* table = std::get_if<Table>(&value.data)) {
        return {routed(*table, false)};
    }
    if (const auto* array = std::get_if<Array>(&value.data)) {
        Array result;
        std::transform(array->begin(), array->end(), std::back_inserter(result),
                       [](const Value& each) { return routed(each); });
        return {std::move(result)};
    }
    return value;
}

/// A table as RabbitMQ may have it after routing. It takes BCC out of the headers
/// (https://www.rabbitmq.com/docs/sender-selected); RabbitMQ 4 also sorts them by name and keeps the first of a name.
Table routed(const Table& table, bool top) {
    Table result;
    for (const auto& [name, value] : table) {
        if (!top || name != "BCC") {
            result.push_back({name, routed(value)});
        }
    }
    if (top) {
        std::stable_sort(result.begin(), result.end(), [](const Field& a, const Field& b) { return a.name < b.name; });
        const auto end =
            std::unique(result.begin(), result.end(), [](const Field& a, const Field& b) { return a.name == b.name; });
        result.erase(end, result.end());
    }
    return result;
}

Properties routed(const Properties& properties) {
    auto result = properties;
    result.headers = routed(properties.headers.value_or(Table()), true);
    return result;
}

/// Compares properties with those that came back in a return.
class ReturnedProperties {
public:
    explicit ReturnedProperties(const std::shared_ptr<const Properties>& returned) : returned_(of(returned)) {}

    bool match(const std::shared_ptr<const Properties>& sent) {
        if (of(sent) == returned_) {
            return true;
        }
        if (!routed_) {
            routed_ = routed(returned_);
        }
        return routed(of(sent)) == *routed_;
    }

private:
    static const Properties& of(const std::shared_ptr<const Properties>& properties) {
        static const Properties none;
        return properties ? *properties : none;
    }

    const Properties& returned_;
    std::optional<Properties> routed_;
};

}  // namespace

Settlement InFlight::settlement(Outcome outcome) const {
    static const Refusal none;
    const auto& why = refusal ? *refusal : none;
    return {.number = number,
            .outcome = outcome,
            .reply_code = why.reply_code,
            .reply_text = why.reply_text,
            .address = head->method->address,
            .body = body.bytes(),
            .content_header = head->header};
}

const InFlight* Window::find(const std::function<bool(std::string_view body)>& holds) const {
    for (std::size_t i = 0; i < messages_.size(); ++i) {
        if (!messages_[i].settled && holds(messages_[i].body.bytes())) {
            return &messages_[i];
        }
    }
    return nullptr;
}

void Window::push(InFlight&& message) {
    bytes_ += message.body.size();
    messages_.push_back(std::move(message));
}

void Window::push(std::uint64_t number, const PublishHead& head, Body body, std::uint64_t end) {
    auto shared_head = heads_.copy_of(head);
    bytes_ += body.size();
    auto& message = messages_.emplace_back();
    message.number = number;
    message.head = std::move(shared_head);
    message.body = std::move(body);
    message.end = end;
}

void Window::forget_first() {
    heads_.give_back(std::move(messages_.front().head));
    messages_.pop_front();
    ++first_tag_;
}

std::uint64_t Window::last_written(std::uint64_t written) {
    while (last_written_ < first_tag_ - 1 + messages_.size() && at(last_written_ + 1).end <= written) {
        ++last_written_;
    }
    return last_written_;
}

std::optional<std::size_t> Window::find_returned(const Return& returned) const {
    const auto count = messages_.size();
    const auto from = std::min<std::size_t>(std::max(return_cursor_, first_tag_) - first_tag_, count);
    ReturnedProperties properties(returned.message.properties);
    std::optional<std::size_t> alike;
    for (std::size_t i = 0; i < count; ++i) {
        const auto at = (from + i) % count;
        const auto& sent = messages_[at];
        if (sent.settled || sent.refusal || sent.head->method->address != returned.address ||
            sent.body.bytes() != returned.message.body) {
            continue;
        }
        if (properties.match(decode_properties(sent.head->header))) {
            return at;
        }
        alike = alike.value_or(at);
    }
    return alike;
}

bool Window::mark_returned(Return&& returned) {
    const auto found = find_returned(returned);
    if (!found) {
        return false;
    }
    messages_[*found].refusal =
        std::make_unique<const Refusal>(Refusal{returned.reply_code, std::move(returned.reply_text)});
    return_cursor_ = first_tag_ + *found + 1;
    return true;
}

bool Window::settle(std::uint64_t first, std::uint64_t last, const std::function<void(const InFlight&)>& settled) {
    bool any = false;
    for (auto tag = std::max(first, first_tag_); tag <= last; ++tag) {
        auto& sent = at(tag);
        if (!sent.settled) {
            sent.settled = true;
            bytes_ -= sent.body.size();
            settled(sent);
            sent.body = {};  // the message itself stays for as long as one before it does
            any = true;
        }
    }
    while (!messages_.empty() && messages_.front().settled) {
        forget_first();
    }
    return any;
}

Ring<InFlight> Window::take() {
    restart();
    bytes_ = 0;
    return std::exchange(messages_, {});
}

void Window::restart() {
    Ring<InFlight> left;
    for (std::size_t i = 0; i < messages_.size(); ++i) {
        if (auto& each = messages_[i]; !each.settled) {
            each.end = InFlight::not_encoded;
            each.refusal = nullptr;
            left.push_back(std::move(each));
        }
    }
    messages_ = std::move(left);
    first_tag_ = 1;
    last_written_ = 0;
    return_cursor_ = 1;
}

}  // namespace rabbit
