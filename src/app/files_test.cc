#include "app/files.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/temporary_folder.h"

namespace waybill::app {
namespace {
namespace fs = std::filesystem;

class FilesTest : public testing::Test {
 protected:
  const TemporaryFolder folder_;
};

TEST_F(FilesTest, AreMovedToWhereNoneIs) {
  ASSERT_TRUE(write_file(folder_ / "a", "text", 0600));
  ASSERT_TRUE(move_file(folder_ / "a", folder_ / "b"));
  EXPECT_EQ(read_file(folder_ / "b").value(), "text");
  EXPECT_FALSE(fs::exists(folder_ / "a"));
}

TEST_F(FilesTest, AreNotMovedOverAnother) {
  ASSERT_TRUE(write_file(folder_ / "a", "new", 0600));
  ASSERT_TRUE(write_file(folder_ / "b", "old", 0600));
  const auto moved = move_file(folder_ / "a", folder_ / "b");
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().reason, "file_exists");
  EXPECT_EQ(read_file(folder_ / "a").value(), "new");
  EXPECT_EQ(read_file(folder_ / "b").value(), "old");
}

TEST_F(FilesTest, AreNotMovedToAFolderThatIsNotThere) {
  ASSERT_TRUE(write_file(folder_ / "a", "text", 0600));
  const auto moved = move_file(folder_ / "a", folder_ / "nowhere" / "b");
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, Code::kNotFound);
  EXPECT_TRUE(fs::exists(folder_ / "a"));
}

// /dev/shm is a file system of its own on every Linux.
TEST_F(FilesTest, AreMovedToAnotherFileSystemForTheirOwnerAlone) {
  const TemporaryFolder other("/dev/shm");
  struct stat here{}, there{};
  ASSERT_EQ(::stat(folder_.path().c_str(), &here), 0);
  ASSERT_EQ(::stat(other.path().c_str(), &there), 0);
  ASSERT_NE(here.st_dev, there.st_dev);
  const std::string text(3'000'000, 'x');
  ASSERT_TRUE(write_file(folder_ / "a", text, 0644));

  const auto moved = move_file(folder_ / "a", other / "b");
  ASSERT_TRUE(write_file(folder_ / "a", "again", 0644));
  const auto again = move_file(folder_ / "a", other / "b");

  EXPECT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(read_file(other / "b", 4'000'000).value_or(""), text);
  EXPECT_EQ(fs::status(other / "b").permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_FALSE(fs::exists(other / "b.part"));
  EXPECT_EQ(again ? "" : again.error().reason, "file_exists");
  EXPECT_EQ(read_file(folder_ / "a").value_or(""), "again");
}

}  // namespace
}  // namespace waybill::app
