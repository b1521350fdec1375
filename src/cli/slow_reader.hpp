#pragma once

#include "rabbit/connection.hpp"

namespace cli {

/// Waits until a slow reader of standard output goes on reading; heartbeats are kept meanwhile, and nothing is read from
/// the broker. Throws Failure of code `bad_output` if the deadline passes first.
void wait_for_reader(rabbit::Connection& connection, int descriptor, rabbit::Deadline deadline);

/// Until when to wait for such a reader in a run that ends at `ends_at`: it has 2 s in any case. Empty: for ever.
rabbit::Deadline with_patience(rabbit::Deadline ends_at);

}  // namespace cli
