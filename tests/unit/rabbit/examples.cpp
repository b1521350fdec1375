// The examples in the comments of the public headers compile.
#include "rabbit/connection.hpp"
#include "rabbit/consumer.hpp"
#include "rabbit/publisher.hpp"

#include <chrono>
#include <cstdio>

namespace {

[[maybe_unused]] void connection_example() {
#include "connection_example.inc"
}

[[maybe_unused]] void publisher_example(rabbit::Connection& connection) {
#include "publisher_example.inc"
}

[[maybe_unused]] void consumer_example(rabbit::Connection& connection) {
#include "consumer_example.inc"
}

}  // namespace
