#include "app/settings_file.h"

#include <cstdlib>
#include <fstream>
#include <map>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "app/settings.h"
#include "base/temporary_folder.h"

namespace waybill::app {
namespace {
namespace fs = std::filesystem;

class SettingsFileTest : public testing::Test {
 protected:
  void write(const std::string& text, mode_t mode = 0600) { write_to(file_, text, mode); }
  static void write_to(const fs::path& file, const std::string& text, mode_t mode = 0600) {
    std::ofstream(file) << text;
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
  }

  // What is wrong, without the file's name.
  std::string fault() {
    const auto read = read_settings_file(file_);
    if (read) return "nothing";
    EXPECT_EQ(read.error().reason, "setting_invalid") << read.error().message;
    std::string message = read.error().message;
    const std::string name = file_.string() + ":";
    for (std::size_t at = 0; (at = message.find(name)) != std::string::npos;) {
      message.erase(at, name.size());
    }
    return message;
  }

  Result<LoadedSettings> load(std::map<std::string, std::string, std::less<>> flags,
                              std::map<std::string, std::string> variables = {}) {
    variables.try_emplace("HOME", folder_ / "home");
    return load_settings(flags, [variables](const std::string& name) {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
  }

  const TemporaryFolder folder_;
  const fs::path file_ = folder_ / "hub.toml";
};

TEST_F(SettingsFileTest, CountsAfterFlagsAndVariables) {
  write(
      "listen = \"0.0.0.0:1\"\n"
      "clock_speed = 3\n"
      "log_level = \"error\"\n"
      "allow_private_networks = true\n");

  const auto loaded = load({{"config", file_}, {"listen", "127.0.0.1:3"}},
                           {{"WAYBILL_LISTEN", "127.0.0.1:2"}, {"WAYBILL_CLOCK_SPEED", "2"}});

  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->settings.listen_port, 3) << "a flag";
  EXPECT_EQ(loaded->settings.clock_speed, 2) << "a variable";
  EXPECT_EQ(loaded->settings.log_level, Log::Level::kError) << "the file";
  EXPECT_EQ(loaded->settings.config, file_);
  EXPECT_EQ(loaded->settings.dangerous, std::vector<std::string>{"allow_private_networks"});
  for (const GivenSetting& given : loaded->given) {
    if (given.setting->name == "log_level") EXPECT_EQ(given.source, file_.string() + ":3");
  }
}

TEST_F(SettingsFileTest, IsFoundByItsVariableAndInTheDataDirectory) {
  write("clock_speed = 3\n");
  fs::create_directories(folder_ / "data");
  write_to(folder_ / "data" / "waybill.toml", "clock_speed = 4\n");

  EXPECT_EQ(load({}, {{"WAYBILL_CONFIG", file_}})->settings.clock_speed, 3);
  EXPECT_EQ(load({{"data", folder_ / "data"}})->settings.clock_speed, 4);
  EXPECT_EQ(load({{"data", folder_ / "data"}, {"config", file_}})->settings.clock_speed, 3);
  EXPECT_EQ(load({})->settings.clock_speed, 1) << "none is there";
  EXPECT_EQ(load({})->settings.config, "");
}

TEST_F(SettingsFileTest, NamesTheDataDirectoryUnlessItLiesThere) {
  write("data = \"/somewhere\"\n");
  EXPECT_EQ(load({{"config", file_}})->settings.data, "/somewhere");

  fs::create_directories(folder_ / "data");
  write_to(folder_ / "data" / "waybill.toml", "\ndata = \"/somewhere\"\n");
  const auto loaded = load({{"data", folder_ / "data"}});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().reason, "setting_invalid");
  EXPECT_NE(loaded.error().message.find("waybill.toml:2: data cannot be set here"),
            std::string::npos)
      << loaded.error().message;
}

TEST_F(SettingsFileTest, RefusesWhatItDoesNotKnowWithLineAndNames) {
  write("clock_speed = 2\nliste = \"x\"\n");
  EXPECT_EQ(fault().find("2: there is no setting 'liste' for a file. There are: data, listen,"), 0u)
      << fault();
  write("[server]\nlisten = \"127.0.0.1:1\"\n");
  EXPECT_EQ(fault().find("1: there is no setting 'server'"), 0u) << fault();
  write("config = \"other.toml\"\n");
  EXPECT_EQ(fault().find("1: there is no setting 'config' for a file"), 0u) << fault();
}

TEST_F(SettingsFileTest, RefusesWrongTypes) {
  struct Case {
    const char *text, *fault;
  };
  for (const Case& c :
       {Case{"allow_private_networks = \"true\"",
             "1: allow_private_networks: it is true or false, without quotes."},
        Case{"allow_private_networks = 1",
             "1: allow_private_networks: it is true or false, without quotes."},
        Case{"clock_speed = 1.5", "1: clock_speed: it is a text in quotes, or a whole number."},
        Case{"\nlisten = [\"127.0.0.1:1\"]",
             "2: listen: it is a text in quotes, or a whole number."},
        Case{"listen = true", "1: listen: it is a text in quotes, or a whole number."}}) {
    write(c.text);
    EXPECT_EQ(fault(), c.fault);
  }
}

TEST_F(SettingsFileTest, RefusesBadValuesEvenWhereAFlagCounts) {
  write("# first\nclock_speed = 0\nlisten = 8080\n");
  EXPECT_EQ(fault(),
            "2: clock_speed cannot be '0': it is a number from 1 to 100000.\n"
            "3: listen cannot be '8080': it is HOST:PORT with an IP address, such as "
            "127.0.0.1:8080 or [::]:8080.");
  EXPECT_FALSE(load({{"config", file_}, {"clock_speed", "2"}, {"listen", "127.0.0.1:1"}}));
}

TEST_F(SettingsFileTest, RefusesWhatIsNoToml) {
  write("clock_speed = 2\nlisten = 127.0.0.1:8080\n");
  EXPECT_EQ(fault().find("2: this is not TOML: "), 0u) << fault();
}

TEST_F(SettingsFileTest, NeverShowsASecret) {
  write("database = \"postgres://hub:hunter2@db:x/hub\"\n");
  EXPECT_EQ(fault().find("1: database: it is like"), 0u) << fault();
  EXPECT_EQ(fault().find("hunter2"), std::string::npos);
}

TEST_F(SettingsFileTest, WarnsOfASecretThatEverybodyCanRead) {
  for (const char* secret :
       {"metrics_token = \"0123456789abcdef\"\n", "database = \"postgres://u:hunter2@db/hub\"\n"}) {
    write(secret, 0644);
    const auto open = load({{"config", file_}});
    ASSERT_TRUE(open) << open.error().message;
    ASSERT_EQ(open->warnings.size(), 1u) << secret;
    EXPECT_NE(open->warnings[0].find("chmod o= " + file_.string()), std::string::npos);

    write(secret, 0640);
    EXPECT_TRUE(load({{"config", file_}})->warnings.empty()) << "its group may";
  }
  write("clock_speed = 2\ndatabase = \"postgres://u@db/hub\"\n", 0644);
  EXPECT_TRUE(load({{"config", file_}})->warnings.empty()) << "there is no secret in it";
}

TEST_F(SettingsFileTest, IsNamedWhenItIsNotThere) {
  const auto loaded = load({{"config", file_}});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().reason, "setting_invalid");
  EXPECT_EQ(loaded.error().message.find("--config: " + file_.string()), 0u)
      << loaded.error().message;
}

TEST_F(SettingsFileTest, TellsTheCommandLineWhereTheDataIs) {
  write("data = \"/somewhere\"\n");
  const auto folder = [&](std::map<std::string, std::string> variables) {
    return data_folder([variables](const std::string& name) {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
  };
  EXPECT_EQ(folder({{"WAYBILL_CONFIG", file_}}), fs::path("/somewhere"));
  EXPECT_EQ(folder({{"WAYBILL_CONFIG", file_}, {"WAYBILL_DATA", "/other"}}), fs::path("/other"));
  fs::create_directories(folder_ / "waybill");
  EXPECT_EQ(folder({{"XDG_DATA_HOME", folder_.path()}}), folder_ / "waybill");
}

}  // namespace
}  // namespace waybill::app
