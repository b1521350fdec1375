#include "spare_strings.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace {

using rabbit::SpareStrings;

TEST(SpareStrings, CopyIntoTheMemoryThatWasKept) {
    SpareStrings spare;
    std::string kept(500, 'k');
    const auto* memory = kept.data();
    spare.keep(std::move(kept));
    const auto copy = spare.copy_of(std::string(400, 'c'));
    EXPECT_EQ(copy, std::string(400, 'c'));
    EXPECT_EQ(copy.data(), memory);
    EXPECT_NE(spare.copy_of(std::string(400, 'c')).data(), memory) << "it is in use";
}

TEST(SpareStrings, KeepWhatIsOfUseAndNotMuch) {
    EXPECT_FALSE(SpareStrings::has_memory("short"));
    EXPECT_TRUE(SpareStrings::has_memory(std::string(1024, 'x')));
    EXPECT_FALSE(SpareStrings::has_memory(std::string(1025, 'x')));
    SpareStrings spare;
    std::string large(1025, 'x');
    const auto* memory = large.data();
    spare.keep(std::move(large));
    EXPECT_NE(spare.copy_of(std::string(1000, 'c')).data(), memory);
}

}  // namespace
