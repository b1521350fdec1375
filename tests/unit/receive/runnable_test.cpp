#include "runnable.hpp"

#include "failure.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

namespace {

namespace fs = std::filesystem;

class RunnableTest : public testing::Test {
protected:
    void SetUp() override {
        folder_ = fs::path(testing::TempDir()) / ("runnable_test." + std::to_string(getpid()));
        fs::create_directory(folder_);
    }

    void TearDown() override { fs::remove_all(folder_); }

    /// A file of the folder; its path.
    // NOLINTNEXTLINE(modernize-use-nodiscard): some tests need the file and not its name
    std::string make(const std::string& name, const std::string& content,
                     fs::perms permissions = fs::perms::owner_all) const {
        const auto path = folder_ / name;
        fs::create_directories(path.parent_path());
        std::ofstream(path) << content;
        fs::permissions(path, permissions);
        return path;
    }

    fs::path folder_;
};

/// PATH, while it lives.
class SearchPath {
public:
    explicit SearchPath(const std::string& path) { setenv("PATH", path.c_str(), 1); }
    ~SearchPath() { setenv("PATH", saved_.c_str(), 1); }
    SearchPath(const SearchPath&) = delete;
    SearchPath& operator=(const SearchPath&) = delete;

private:
    std::string saved_ = std::getenv("PATH");
};

/// Why it is refused; empty: it is not.
std::string refusal_of_command(const std::string& command) {
    try {
        receiving::check_runnable({command, "--argument"});
    } catch (const cli::Failure& failure) {
        EXPECT_EQ(failure.code(), cli::ExitCode::usage);
        const auto begin = "cannot run '" + command + "': ";
        EXPECT_TRUE(std::string(failure.what()).starts_with(begin)) << failure.what();
        return std::string(failure.what()).substr(begin.size());
    }
    return {};
}

TEST_F(RunnableTest, TakesAProgramByItsPath) {
    EXPECT_EQ(refusal_of_command("/bin/sh"), "");
}

TEST_F(RunnableTest, TakesAProgramOfThePath) {
    EXPECT_EQ(refusal_of_command("sh"), "");
}

TEST_F(RunnableTest, TakesAScript) {
    EXPECT_EQ(refusal_of_command(make("work", "#!/bin/sh\nexit\n")), "");
    EXPECT_EQ(refusal_of_command(make("spaced", "#! \t/bin/sh -e\nexit\n")), "");
    EXPECT_EQ(refusal_of_command(make("bare", "#!/bin/sh")), "");
}

TEST_F(RunnableTest, RefusesWhatIsNotThere) {
    EXPECT_EQ(refusal_of_command("/no/such/command"), "No such file or directory");
    EXPECT_EQ(refusal_of_command("no-such-command"), "it is not in any folder of PATH");
    EXPECT_EQ(refusal_of_command(""), "its name is empty");
}

TEST_F(RunnableTest, RefusesWhatIsNotExecutable) {
    const auto path = make("work", "#!/bin/sh\n", fs::perms::owner_read);
    EXPECT_EQ(refusal_of_command(path), "it is not executable (chmod +x makes it so)");
}

TEST_F(RunnableTest, RefusesAFolder) {
    EXPECT_EQ(refusal_of_command(folder_), "Is a directory");
}

TEST_F(RunnableTest, RefusesAScriptWhoseInterpreterIsNotThere) {
    const auto path = make("work", "#!/usr/bin/no-such-python -u\n");
    EXPECT_EQ(refusal_of_command(path), "its interpreter '/usr/bin/no-such-python': No such file or directory");
}

TEST_F(RunnableTest, RefusesAScriptWithWindowsLineEnds) {
    const auto path = make("work", "#!/bin/sh\r\nexit\r\n");
    EXPECT_NE(refusal_of_command(path).find("No such file or directory"), std::string::npos);
}

TEST_F(RunnableTest, RefusesAScriptWithoutAnInterpreter) {
    constexpr auto why = "it is neither a program nor a script that begins with #!";
    EXPECT_EQ(refusal_of_command(make("work", "exit 0\n")), why);
    EXPECT_EQ(refusal_of_command(make("empty", "")), why);
}

TEST_F(RunnableTest, SearchesThePathInItsOrder) {
    make("first/work", "#!/bin/sh\n", fs::perms::owner_read);
    make("second/work", "#!/bin/sh\n");
    const SearchPath path(folder_.string() + "/none:" + folder_.string() + "/first:" + folder_.string() + "/second");
    EXPECT_EQ(refusal_of_command("work"), "") << "the first one that can be run is";
}

TEST_F(RunnableTest, SaysWhyTheOneOnThePathCannotBeRun) {
    const auto file = make("first/work", "#!/bin/sh\n", fs::perms::owner_read);
    const SearchPath path(folder_.string() + "/first:" + folder_.string() + "/none");
    EXPECT_EQ(refusal_of_command("work"), file + ": it is not executable (chmod +x makes it so)");
}

TEST_F(RunnableTest, TakesAnEmptyFolderOfThePathForTheCurrentOne) {
    make("work", "#!/bin/sh\n");
    const auto before = fs::current_path();
    fs::current_path(folder_);
    const SearchPath path("/nowhere:");
    EXPECT_EQ(refusal_of_command("work"), "");
    fs::current_path(before);
}

}  // namespace
