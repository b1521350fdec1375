#pragma once

#include <chrono>

namespace cli {

/// A duration as options take it.
using Seconds = std::chrono::duration<double>;

}  // namespace cli
