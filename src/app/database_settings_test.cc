#include "app/database_settings.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/temporary_folder.h"

namespace waybill::app {
namespace {
namespace fs = std::filesystem;

class DatabaseSettingsTest : public testing::Test {
 protected:
  DatabaseSettingsTest() { variables_["HOME"] = folder_.path(); }

  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const fs::path file = folder_ / name;
    std::ofstream(file) << text;
    EXPECT_EQ(::chmod(file.c_str(), mode), 0);
    return file;
  }

  Result<LoadedSettings> load(const std::map<std::string, std::string, std::less<>>& flags = {}) {
    auto loaded =
        load_settings(flags, [this](const std::string& name) -> std::optional<std::string> {
          const auto found = variables_.find(name);
          if (found == variables_.end()) return std::nullopt;
          return found->second;
        });
    // Whatever becomes of it, nobody sees the password.
    std::string seen = loaded ? "" : loaded.error().message;
    for (const GivenSetting& given : loaded ? loaded->given : std::vector<GivenSetting>()) {
      seen += given.shown();
    }
    for (const std::string& warning : loaded ? loaded->warnings : std::vector<std::string>()) {
      seen += warning;
    }
    EXPECT_EQ(seen.find("hunter2"), std::string::npos) << seen;
    return loaded;
  }
  std::string refusal(const std::map<std::string, std::string, std::less<>>& flags = {}) {
    const auto loaded = load(flags);
    if (loaded) return "none";
    EXPECT_EQ(loaded.error().reason, "setting_invalid");
    return loaded.error().message;
  }
  std::string password(const std::map<std::string, std::string, std::less<>>& flags = {}) {
    const auto loaded = load(flags);
    if (!loaded) return loaded.error().message;
    if (!loaded->settings.database) return "no database";
    return loaded->settings.database->password().reveal();
  }

  const TemporaryFolder folder_;
  std::map<std::string, std::string> variables_;
};

TEST_F(DatabaseSettingsTest, AreSqliteUnlessAServerIsNamed) {
  EXPECT_FALSE(load()->settings.database);
  EXPECT_FALSE(load({{"database", "sqlite"}})->settings.database);
  variables_["WAYBILL_DATABASE"] = "postgres://waybill@db/hub";
  ASSERT_TRUE(load()->settings.database);
  EXPECT_EQ(load()->settings.database->shown(), "postgres://waybill@db/hub");
  EXPECT_FALSE(load({{"database", "sqlite"}})->settings.database) << "the flag counts";
}

TEST_F(DatabaseSettingsTest, TakeAPasswordFromEverywhereButAFlag) {
  for (const char* url : {"postgres://u:hunter2@db/hub", "postgres://u@db/hub?password=hunter2",
                          "postgres://u@db/hub?sslpassword=hunter2"}) {
    const std::string told = refusal({{"database", url}});
    EXPECT_EQ(told.find("--database has a password in it"), 0u) << told;
    EXPECT_NE(told.find("--database-password-file"), std::string::npos) << told;
    EXPECT_NE(told.find("WAYBILL_DATABASE"), std::string::npos) << told;
  }
  variables_["WAYBILL_DATABASE"] = "postgres://u:hunter2@db/hub";
  EXPECT_EQ(password(), "hunter2");
  variables_.clear();
  variables_["WAYBILL_DATA"] = folder_.path();
  write("waybill.toml", "database = \"postgres://u@db/hub?password=hunter2\"\n");
  EXPECT_EQ(password(), "hunter2");
}

TEST_F(DatabaseSettingsTest, TakeThePasswordFromTheFirstLineOfAFile) {
  const std::string url = "postgres://u@db/hub";
  for (const char* text : {"hunter2", "hunter2\n", "hunter2\r\n", "hunter2\nmore\n"}) {
    const std::string file = write("password", text);
    EXPECT_EQ(password({{"database", url}, {"database_password_file", file}}), "hunter2") << text;
  }
  const std::string odd = write("password", " h\xC3\xBCnter2 @:/ \n");
  EXPECT_EQ(password({{"database", url}, {"database_password_file", odd}}), " h\xC3\xBCnter2 @:/ ");
}

TEST_F(DatabaseSettingsTest, RefuseAPasswordFileThatIsNone) {
  const std::string url = "postgres://u@db/hub";
  const std::string missing = folder_ / "missing";
  EXPECT_NE(refusal({{"database", url}, {"database_password_file", missing}}).find(missing),
            std::string::npos);
  for (const char* text : {"", "\n", "\nhunter2\n", "\r\n"}) {
    const std::string file = write("password", text);
    const std::string told = refusal({{"database", url}, {"database_password_file", file}});
    EXPECT_NE(told.find("is empty"), std::string::npos) << told;
    EXPECT_NE(told.find(file), std::string::npos) << told;
  }
}

TEST_F(DatabaseSettingsTest, RefuseTwoPasswordsAndOneForNobody) {
  const std::string file = write("password", "hunter2\n");
  EXPECT_NE(refusal({{"database_password_file", file}}).find("PostgreSQL"), std::string::npos);
  variables_["WAYBILL_DATABASE"] = "postgres://u:hunter2@db/hub";
  EXPECT_NE(refusal({{"database_password_file", file}}).find("leave out one"), std::string::npos);
  variables_["WAYBILL_DATABASE"] = "postgres://u@db/hub?sslpassword=hunter2";
  EXPECT_EQ(password({{"database_password_file", file}}), "hunter2") << "that is the key's";
}

TEST_F(DatabaseSettingsTest, WarnOfAPasswordThatEverybodyCanRead) {
  const std::string file = write("password", "hunter2\n", 0644);
  const auto open = load({{"database", "postgres://u@db/hub"}, {"database_password_file", file}});
  ASSERT_TRUE(open) << open.error().message;
  ASSERT_EQ(open->warnings.size(), 1u);
  EXPECT_NE(open->warnings[0].find("chmod o= " + file), std::string::npos);

  write("password", "hunter2\n", 0640);
  const auto closed = load({{"database", "postgres://u@db/hub"}, {"database_password_file", file}});
  EXPECT_TRUE(closed->warnings.empty()) << "its group may";
}

TEST_F(DatabaseSettingsTest, ShowTheServerAlone) {
  EXPECT_EQ(show_database("sqlite"), "sqlite");
  EXPECT_EQ(show_database("postgres://u:hunter2@db:5433/hub?sslmode=require"),
            "postgres://u@db:5433/hub");
  EXPECT_EQ(show_database("postgres://u:hun@ter2@db/hub"), "set") << "it was never read";
}

TEST_F(DatabaseSettingsTest, SayWhatADatabaseMayBe) {
  for (const char* text : {"mysql", "mysql://u:hunter2@db/hub", "postgres:hunter2@db",
                           "postgres://u:hunter2@db:port/hub", "file:///hunter2"}) {
    const std::string told = refusal({{"database", text}});
    EXPECT_NE(told.find("postgres://USER@HOST:PORT/DATABASE"), std::string::npos) << told;
  }
}

}  // namespace
}  // namespace waybill::app
