// Prints how many seconds it takes to copy SIZE bytes from memory that is in no cache to memory that is not either.
//
//   copy_cost SIZE

#include "arguments.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr std::size_t area = std::size_t{256} << 20;

double copy_all(const std::string& from, std::string& to, std::size_t size) {
    const auto copies = area / size;
    const auto began = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < copies; ++i) {
        std::memcpy(to.data() + i * size, from.data() + i * size, size);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    return took.count() / static_cast<double>(copies);
}

}  // namespace

int main(int argc, char** argv) {
    return bench::run("usage: copy_cost SIZE", argc, argv, 1, [](const auto& arguments) {
        const auto size = bench::to_number(arguments[0]);
        const std::string from(area, 'x');
        std::string to(area, 'y');
        std::vector<double> costs(5);
        std::generate(costs.begin(), costs.end(), [&] { return copy_all(from, to, size); });
        std::nth_element(costs.begin(), costs.begin() + 2, costs.end());
        std::printf("%.9f\n", costs[2]);
    });
}
