#include "shared_heads.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace {

using rabbit::PublishHead;
using rabbit::PublishMethod;
using rabbit::SharedHeads;

class SharedHeadsTest : public testing::Test {
protected:
    std::shared_ptr<const PublishMethod> method_ = std::make_shared<const PublishMethod>();
    SharedHeads heads_;
};

TEST_F(SharedHeadsTest, AreSharedByMessagesThatFollowEachOther) {
    const PublishHead head{method_, "header"};
    const auto first = heads_.copy_of(head);
    EXPECT_EQ(first->method, method_);
    EXPECT_EQ(first->header, "header");
    EXPECT_EQ(heads_.copy_of(PublishHead(head)), first);
}

TEST_F(SharedHeadsTest, AreNotSharedWhereAnyOfTheirPartsIsAnother) {
    const auto first = heads_.copy_of({method_, "header"});
    const auto second = heads_.copy_of({method_, "another"});
    const auto third = heads_.copy_of({std::make_shared<const PublishMethod>(), "another"});
    EXPECT_EQ(first->header, "header");
    EXPECT_EQ(second->header, "another");
    EXPECT_NE(third, second);
    EXPECT_NE(third->method, method_);
}

TEST_F(SharedHeadsTest, UseAgainTheMemoryOfThoseThatNobodyNeeds) {
    auto first = heads_.copy_of({method_, std::string(500, 'a')});
    auto shared = first;
    const auto second = heads_.copy_of({method_, std::string(500, 'b')});
    const auto* memory = first->header.data();
    heads_.give_back(std::move(first));
    EXPECT_NE(heads_.copy_of({method_, std::string(500, 'c')})->header.data(), memory) << "it is in use";
    EXPECT_EQ(shared->header, std::string(500, 'a'));
    heads_.give_back(std::move(shared));
    const auto fourth = heads_.copy_of({method_, std::string(400, 'd')});
    EXPECT_EQ(fourth->header.data(), memory);
    EXPECT_EQ(fourth->header, std::string(400, 'd'));
    EXPECT_EQ(second->header, std::string(500, 'b'));
}

TEST_F(SharedHeadsTest, KeepNoMemoryOfLongOnes) {
    auto first = heads_.copy_of({method_, std::string(1025, 'a')});
    const std::weak_ptr<const PublishHead> watched = first;
    const auto second = heads_.copy_of({method_, "header"});
    heads_.give_back(std::move(first));
    EXPECT_TRUE(watched.expired());
}

}  // namespace
