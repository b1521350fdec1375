#pragma once

#include <utility>

namespace rabbit {

/// Calls a function at the end of its scope.
template <class Function>
class Finally {
public:
    explicit Finally(Function function) : function_(std::move(function)) {}
    ~Finally() { function_(); }
    Finally(const Finally&) = delete;
    Finally& operator=(const Finally&) = delete;

private:
    Function function_;
};

}  // namespace rabbit
