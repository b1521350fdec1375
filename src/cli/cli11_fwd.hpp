#pragma once

// CLI11's headers take seconds to compile: a header that only names its types includes this instead.
namespace CLI {
class App;
class Option;
}  // namespace CLI
