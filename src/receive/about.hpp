#pragma once

#include "program.hpp"

namespace receiving {

/// What --help and the manual page say of `receive` beside its options.
cli::Program about();

}  // namespace receiving
