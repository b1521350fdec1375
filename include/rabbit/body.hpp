#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace rabbit {

/// The bytes of a message's body. Copies share them; they stay in place and unchanged until the last copy is gone.
class Body {
public:
    Body() = default;
    explicit Body(std::string bytes) {
        auto memory = std::make_shared<const std::string>(std::move(bytes));
        bytes_ = *memory;
        memory_ = std::move(memory);
    }
    /// `bytes` must stay in place and unchanged for as long as anything holds `memory`.
    Body(std::string_view bytes, std::shared_ptr<const void> memory) : bytes_(bytes), memory_(std::move(memory)) {}

    /// None after a move.
    [[nodiscard]] std::string_view bytes() const noexcept { return memory_ ? bytes_ : std::string_view(); }
    [[nodiscard]] std::size_t size() const noexcept { return bytes().size(); }

    /// `most` bytes from `at` on, or those that are there. Shared, too.
    [[nodiscard]] Body part(std::size_t at, std::size_t most = std::string_view::npos) const {
        return {bytes().substr(at, most), memory_};
    }

private:
    std::string_view bytes_;
    std::shared_ptr<const void> memory_;
};

}  // namespace rabbit
