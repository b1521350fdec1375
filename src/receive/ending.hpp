#pragma once

namespace receiving {

/// Why receiving ended.
enum class Ending { counted, out_of_time, drained, interrupted, command_failed };

}  // namespace receiving
