#pragma once

#include "program.hpp"

namespace sending {

/// What --help and the manual page say of `send` beside its options.
cli::Program about();

}  // namespace sending
