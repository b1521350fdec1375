// Runs COMMAND and writes to FILE what it took, to the end of the process and all it did for connecting and closing:
//
//   timed FILE COMMAND ARGUMENT...
//
// "SECONDS PROCESSOR-SECONDS PEAK-KIB", the processor time being user's and system's. Ends as COMMAND does. A process of
// this size has to start it: what the kernel reports as the peak of a process is never less than its parent's.

#include <chrono>
#include <cstdio>
#include <cstring>

#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: timed FILE COMMAND ARGUMENT...\n");
        return 64;
    }
    const auto began = std::chrono::steady_clock::now();
    pid_t child = 0;
    if (const int error = posix_spawnp(&child, argv[2], nullptr, nullptr, argv + 2, environ)) {
        std::fprintf(stderr, "timed: %s: %s\n", argv[2], std::strerror(error));
        return 127;
    }
    int status = 0;
    rusage usage{};
    wait4(child, &status, 0, &usage);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    auto* const file = std::fopen(argv[1], "w");
    if (!file) {
        std::perror("timed");
        return 1;
    }
    std::fprintf(file, "%.6f %.6f %ld\n", took.count(), seconds(usage.ru_utime) + seconds(usage.ru_stime),
                 usage.ru_maxrss);
    std::fclose(file);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
