#include "spare_strings.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace {

using rabbit::SpareStrings;

TEST(SpareStrings, GiveTheMemoryThatWasKept) {
    SpareStrings spare;
    std::string kept(500, 'k');
    const auto* memory = kept.data();
    spare.keep(std::move(kept));
    EXPECT_EQ(spare.take().data(), memory);
    EXPECT_FALSE(SpareStrings::has_memory(spare.take())) << "none is left";
}

TEST(SpareStrings, KeepWhatIsOfUseAndNotMuch) {
    EXPECT_FALSE(SpareStrings::has_memory("short"));
    EXPECT_TRUE(SpareStrings::has_memory(std::string(1024, 'x')));
    EXPECT_FALSE(SpareStrings::has_memory(std::string(1025, 'x')));
    SpareStrings spare;
    spare.keep("short");
    EXPECT_EQ(spare.take(), "");
    spare.keep(std::string(1025, 'x'));
    EXPECT_EQ(spare.take(), "");
}

}  // namespace
