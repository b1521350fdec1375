#pragma once

#include "options.hpp"
#include "rabbit/body.hpp"
#include "rabbit/deadline.hpp"
#include "rabbit/message.hpp"
#include "source.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

struct pollfd;

namespace sending {

/// Makes messages of a source's records: with the properties of the options, to the address that options and record say,
/// as often as --repeat and no faster than --rate.
class Feeder {
public:
    /// Takes a message; false: no more.
    using Publish =
        std::function<bool(const rabbit::Address&, rabbit::Body, const std::shared_ptr<const rabbit::Properties>&)>;
    /// Waits until the deadline, or until a watched descriptor is ready or something else has happened; false: no more.
    using Wait = std::function<bool(rabbit::Deadline, std::span<pollfd>)>;

    /// `queue` is where records go that name no other place. `options` must outlive the feeder.
    Feeder(Options& options, std::string queue, Publish publish, Wait wait);

    /// Publishes all records, or until one of the two functions says no more.
    void feed(Source& source);

    /// How much of what is to come has been published, from 0 to 1; empty if that is not known.
    [[nodiscard]] std::optional<double> share() const;

private:
    bool publish(cli::Record&& record);
    bool publish(const rabbit::Address& address, rabbit::Body body,
                 const std::shared_ptr<const rabbit::Properties>& properties);
    [[nodiscard]] bool goes_to_queue(const cli::Record& record) const;
    [[nodiscard]] rabbit::Address named_by(const cli::Record& record) const;
    bool keep_rate();

    Options& options_;
    rabbit::Address to_queue_;
    Publish publish_;
    Wait wait_;
    const Source* source_ = nullptr;
    std::uint64_t published_ = 0;
    rabbit::Clock::time_point next_due_ = rabbit::Clock::now();  ///< by --rate
};

}  // namespace sending
