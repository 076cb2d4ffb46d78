#include "app/data_directory.h"

#include <cstdlib>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "app/files.h"
#include "base/temporary_folder.h"

namespace waybill::app {
namespace {
namespace fs = std::filesystem;

class DataDirectoryTest : public testing::Test {
 protected:
  static int mode_of(const fs::path& file) {
    return static_cast<int>(fs::status(file).permissions());
  }
  static void write(const fs::path& file, const std::string& text) {
    std::ofstream(file) << text << "\n";
  }

  const TemporaryFolder scratch_;
  const fs::path folder_ = scratch_ / "deep" / "data";
};

TEST_F(DataDirectoryTest, MakesTheFolderAndItsKeysForTheOwnerAlone) {
  const auto data = DataDirectory::open(folder_);

  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(mode_of(folder_), 0700);
  for (const char* file : {"admin.token", "node.id", "hub.lock"}) {
    EXPECT_EQ(mode_of(folder_ / file), 0600) << file;
  }
  EXPECT_TRUE(data->admin_token().reveal().starts_with("wba_"));
  EXPECT_EQ(data->admin_token().reveal().size(), 36u);
  EXPECT_TRUE(data->warnings().empty());
}

TEST_F(DataDirectoryTest, IsTheSameWhenOpenedAgain) {
  std::string token;
  Uuid node;
  {
    const auto data = DataDirectory::open(folder_);
    ASSERT_TRUE(data) << data.error().message;
    token = data->admin_token().reveal();
    node = data->node();
  }

  const auto again = DataDirectory::open(folder_);

  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->admin_token().reveal(), token);
  EXPECT_EQ(again->node(), node);
}

TEST_F(DataDirectoryTest, BelongsToOneHubAndNamesIt) {
  const auto first = DataDirectory::open(folder_);
  ASSERT_TRUE(first) << first.error().message;

  const auto second = DataDirectory::open(folder_);

  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_EQ(second.error().reason, "data_directory_in_use");
  EXPECT_NE(second.error().message.find("process " + std::to_string(::getpid())),
            std::string::npos);
}

TEST_F(DataDirectoryTest, TellsTheAddressOnlyWhileTheHubRuns) {
  {
    auto data = DataDirectory::open(folder_);
    ASSERT_TRUE(data) << data.error().message;
    ASSERT_TRUE(data->publish_url("http://127.0.0.1:4711"));
    EXPECT_EQ(read_file(url_file(folder_)).value(), "http://127.0.0.1:4711");
  }
  EXPECT_FALSE(fs::exists(url_file(folder_)));
}

TEST_F(DataDirectoryTest, RefusesDamagedFiles) {
  struct Case {
    const char* file;
    const char* text;
  };
  for (const Case c :
       {Case{"admin.token", ""}, Case{"admin.token", "wba_guess"}, Case{"node.id", "me"}}) {
    fs::remove_all(folder_);
    ASSERT_TRUE(DataDirectory::open(folder_));
    write(folder_ / c.file, c.text);

    const auto again = DataDirectory::open(folder_);

    ASSERT_FALSE(again) << c.file;
    EXPECT_EQ(again.error().reason, "data_directory_unusable") << c.file;
    EXPECT_NE(again.error().message.find(c.file), std::string::npos) << c.file;
  }
}

TEST_F(DataDirectoryTest, RefusesAFileInItsPlace) {
  write(scratch_ / "file", "x");

  const auto data = DataDirectory::open(scratch_ / "file");

  ASSERT_FALSE(data);
  EXPECT_EQ(data.error().reason, "data_directory_unusable");
}

TEST_F(DataDirectoryTest, SaysWhyAFolderCannotBeMade) {
  write(scratch_ / "file", "x");

  const auto data = DataDirectory::open(scratch_ / "file" / "data");

  ASSERT_FALSE(data);
  EXPECT_NE(data.error().message.find("Not a directory"), std::string::npos)
      << data.error().message;
}

TEST_F(DataDirectoryTest, WarnsOfKeysThatOthersCanRead) {
  ASSERT_TRUE(DataDirectory::open(folder_));
  ASSERT_EQ(::chmod(token_file(folder_).c_str(), 0644), 0);

  const auto again = DataDirectory::open(folder_);

  ASSERT_TRUE(again) << again.error().message;
  ASSERT_EQ(again->warnings().size(), 1u);
  EXPECT_NE(again->warnings()[0].find("admin.token"), std::string::npos);
}

}  // namespace
}  // namespace waybill::app
