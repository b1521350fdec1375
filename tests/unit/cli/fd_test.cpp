#include "fd.hpp"

#include <gtest/gtest.h>

#include <utility>

#include <fcntl.h>

namespace {

int some_descriptor() {
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

bool is_open(int fd) {
    return fcntl(fd, F_GETFD) != -1;
}

TEST(Fd, OwnsNothingAtFirst) {
    const cli::Fd fd;
    EXPECT_EQ(fd.get(), -1);
    EXPECT_FALSE(fd);
}

TEST(Fd, ClosesWhatItOwns) {
    const int number = some_descriptor();
    {
        const cli::Fd fd(number);
        EXPECT_EQ(fd.get(), number);
        EXPECT_TRUE(fd);
        EXPECT_TRUE(is_open(number));
    }
    EXPECT_FALSE(is_open(number));
}

TEST(Fd, ClosesWhatItOwnedWhenItIsGivenAnother) {
    const int first = some_descriptor();
    const int second = some_descriptor();
    cli::Fd fd(first);
    fd.reset(second);
    EXPECT_FALSE(is_open(first));
    EXPECT_TRUE(is_open(second));
    fd.reset();
    EXPECT_FALSE(is_open(second));
    EXPECT_EQ(fd.get(), -1);
}

TEST(Fd, IsMovedWithoutBeingClosed) {
    const int number = some_descriptor();
    cli::Fd from(number);
    cli::Fd to(std::move(from));
    EXPECT_EQ(to.get(), number);
    EXPECT_TRUE(is_open(number));
    cli::Fd other(some_descriptor());
    const int replaced = other.get();
    other = std::move(to);
    EXPECT_EQ(other.get(), number);
    EXPECT_FALSE(is_open(replaced));
    EXPECT_TRUE(is_open(number));
}

}  // namespace
