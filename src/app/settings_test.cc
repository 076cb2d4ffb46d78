#include "app/settings.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <gtest/gtest.h>

namespace waybill::app {
namespace {

using Variables = std::map<std::string, std::string, std::less<>>;

Environment environment_of(Variables variables) {
  variables.try_emplace("HOME", "/somewhere");
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

TEST(Settings, AreTheDefaultsWhenNothingIsGiven) {
  const auto loaded = load_settings({}, environment_of({}));

  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_TRUE(loaded->given.empty());
  EXPECT_EQ(loaded->settings.data, "/somewhere/.local/share/waybill");
  EXPECT_EQ(loaded->settings.listen_host, "127.0.0.1");
  EXPECT_EQ(loaded->settings.listen_port, 8080);
  EXPECT_EQ(loaded->settings.clock_speed, 1);
  EXPECT_FALSE(loaded->settings.allow_private_networks);
}

TEST(Settings, EveryDefaultIsAValueOfItsSetting) {
  for (const Setting& setting : settings_table()) {
    if (setting.default_text == "none") continue;
    Settings settings;
    EXPECT_TRUE(setting.read(settings, setting.default_text)) << setting.name;
  }
}

TEST(Settings, HaveNamesOfTheirOwnAndSayWhatTheyAreFor) {
  std::set<std::string> flags;
  for (const Setting& setting : settings_table()) {
    EXPECT_TRUE(flags.insert(setting.flag()).second) << setting.name;
    EXPECT_TRUE(setting.description.ends_with('.')) << setting.name;
    EXPECT_FALSE(setting.default_text.empty()) << setting.name;
  }
}

TEST(Settings, TakeAFlagBeforeAVariable) {
  const auto loaded = load_settings({{"clock_speed", "600"}},
                                    environment_of({{"WAYBILL_CLOCK_SPEED", "60"},
                                                    {"WAYBILL_DATA", "/elsewhere"},
                                                    {"WAYBILL_ALLOW_PRIVATE_NETWORKS", "true"}}));

  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->settings.clock_speed, 600);
  EXPECT_EQ(loaded->settings.data, "/elsewhere");
  EXPECT_TRUE(loaded->settings.allow_private_networks);
  ASSERT_EQ(loaded->given.size(), 3u);
  EXPECT_EQ(loaded->given[0].setting->name, "data");
  EXPECT_EQ(loaded->given[0].shown(), "/elsewhere");
}

TEST(Settings, NeverShowASecret) {
  const Setting* database = nullptr;
  for (const Setting& setting : settings_table()) {
    if (setting.name == "database") database = &setting;
  }
  ASSERT_NE(database, nullptr);
  EXPECT_EQ((GivenSetting{database, "postgres://hub:hunter2@db/hub"}.shown()),
            "postgres://hub@db/hub");

  const auto refused =
      load_settings({{"database", "postgres://hub:hunter2@db/hub"}}, environment_of({}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message.find("hunter2"), std::string::npos);
}

TEST(Settings, ReadAddresses) {
  struct Case {
    std::string text, host;
    std::uint16_t port;
  };
  for (const Case& c : {Case{"127.0.0.1:0", "127.0.0.1", 0}, Case{"[::1]:8080", "::1", 8080},
                        Case{"localhost:65535", "localhost", 65535}}) {
    const auto loaded = load_settings({{"listen", c.text}}, environment_of({}));
    ASSERT_TRUE(loaded) << c.text;
    EXPECT_EQ(loaded->settings.listen_host, c.host) << c.text;
    EXPECT_EQ(loaded->settings.listen_port, c.port) << c.text;
  }
}

TEST(Settings, RefuseWhatTheyCannotBe) {
  struct Case {
    std::string name, text;
  };
  for (const Case& c : {Case{"listen", "8080"},
                        Case{"listen", ":8080"},
                        Case{"listen", "127.0.0.1:65536"},
                        Case{"listen", "::1:8080"},
                        Case{"listen", "127.0.0.1:http"},
                        Case{"clock_speed", "0"},
                        Case{"clock_speed", "1.5"},
                        Case{"clock_speed", "100001"},
                        Case{"allow_private_networks", "maybe"},
                        Case{"database", "mysql://x"},
                        Case{"log_level", "loud"},
                        Case{"connections_max", "0"},
                        Case{"connections_max", "1000001"},
                        Case{"rate_limit", "0"},
                        Case{"rate_limit", "100001"},
                        Case{"rate_limit", "1/s"},
                        Case{"procureiq_calls_per_hour", "0"},
                        Case{"procureiq_calls_per_day", "10000001"},
                        Case{"proign_reads_per_minute", "-1"},
                        Case{"proign_writes_per_minute", "many"},
                        Case{"allow_networks", ""},
                        Case{"allow_networks", "10.0.0.0/33"},
                        Case{"allow_networks", "10.1.2.3/16"},
                        Case{"allow_networks", "10.0.0.0/8,"},
                        Case{"tls_key", ""},
                        Case{"ca_file", ""}}) {
    const auto loaded = load_settings({{c.name, c.text}}, environment_of({}));
    ASSERT_FALSE(loaded) << c.name << " " << c.text;
    EXPECT_EQ(loaded.error().code, Code::kInvalid);
    EXPECT_EQ(loaded.error().reason, "setting_invalid");
  }
}

TEST(Settings, SayWhichVariableIsWrong) {
  const auto loaded = load_settings({}, environment_of({{"WAYBILL_CLOCK_SPEED", "fast"}}));

  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().message,
            "WAYBILL_CLOCK_SPEED cannot be 'fast': it is a number from 1 to 100000.");
}

TEST(Settings, ReadEdges) {
  const auto loaded = load_settings({{"allow_networks", "10.1.0.0/16,fd00::/8"},
                                     {"connections_max", "1000"},
                                     {"rate_limit", "50"},
                                     {"tls_certificate", "/c.pem"},
                                     {"tls_key", "/k.pem"},
                                     {"ca_file", "/ca.pem"}},
                                    environment_of({}));

  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->settings.allow_networks.size(), 2u);
  EXPECT_EQ(loaded->settings.connections_max, 1000u);
  EXPECT_EQ(loaded->settings.rate_limit, 50);
  EXPECT_EQ(loaded->settings.tls_certificate, "/c.pem");
  EXPECT_EQ(loaded->settings.tls_key, "/k.pem");
  EXPECT_EQ(loaded->settings.ca_file, "/ca.pem");
}

TEST(Settings, OfThePlatformsQuotasAreNumbersOrNone) {
  const auto loaded = load_settings({{"procureiq_calls_per_hour", "1000"},
                                     {"procureiq_calls_per_day", "10000"},
                                     {"proign_writes_per_minute", "none"}},
                                    environment_of({}));

  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->settings.procureiq_calls_per_hour, 1'000);
  EXPECT_EQ(loaded->settings.procureiq_calls_per_day, 10'000);
  EXPECT_EQ(loaded->settings.proign_reads_per_minute, 100) << "as PROIGN's page has it";
  EXPECT_EQ(loaded->settings.proign_writes_per_minute, 0);
}

TEST(Settings, NameTheNetworkThatIsNone) {
  const auto loaded =
      load_settings({{"allow_networks", "10.1.0.0/16,10.2.0.0/99"}}, environment_of({}));

  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("\"10.2.0.0/99\""), std::string::npos)
      << loaded.error().message;
  EXPECT_NE(loaded.error().message.find("--allow-networks"), std::string::npos);
}

TEST(Settings, TakeACertificateAndItsKeyTogether) {
  for (const char* alone : {"tls_certificate", "tls_key"}) {
    const auto loaded = load_settings({{alone, "/some.pem"}}, environment_of({}));
    ASSERT_FALSE(loaded) << alone;
    EXPECT_EQ(loaded.error().reason, "setting_invalid");
    EXPECT_NE(loaded.error().message.find("--tls-key"), std::string::npos);
  }
}

TEST(Settings, AskForADataFolderWhereThereIsNoHome) {
  const auto loaded =
      load_settings({}, [](const std::string&) -> std::optional<std::string> { return {}; });

  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("--data"), std::string::npos);
}

TEST(Settings, OfOperationAreRead) {
  const auto loaded =
      load_settings({{"stop_timeout", "45s"},
                     {"retention_deliveries", "7d"},
                     {"retention_events", "forever"},
                     {"node_name", "hub-2"},
                     {"lease", "5s"},
                     {"access_log", "true"}},
                    environment_of({{"WAYBILL_METRICS_TOKEN", "0123456789abcdef"}}));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->settings.stop_timeout, std::chrono::seconds(45));
  EXPECT_EQ(loaded->settings.retention_deliveries, std::chrono::days(7));
  EXPECT_EQ(loaded->settings.retention_events, std::nullopt);
  EXPECT_EQ(loaded->settings.node_name, "hub-2");
  EXPECT_EQ(loaded->settings.lease, std::chrono::seconds(5));
  EXPECT_TRUE(loaded->settings.access_log);
  EXPECT_EQ(loaded->settings.metrics_token.reveal(), "0123456789abcdef");
  for (const GivenSetting& given : loaded->given) {
    EXPECT_EQ(given.shown().find("0123456789abcdef"), std::string::npos);
  }
}

TEST(Settings, OfOperationSayWhatTheyMayBe) {
  for (const auto& [name, text] : {std::pair("stop_timeout", "0s"),
                                   {"stop_timeout", "11m"},
                                   {"stop_timeout", "ten"},
                                   {"retention_deliveries", "59m"},
                                   {"retention_events", "-1d"},
                                   {"node_name", "two words"},
                                   {"node_name", "hub-\xC3\xA4"},
                                   {"lease", "4999ms"},
                                   {"lease", "61m"},
                                   {"lease", "soon"},
                                   {"metrics_token", "short"},
                                   {"metrics_token", "with a space in it"}}) {
    const auto loaded = load_settings({{name, text}}, environment_of({}));
    ASSERT_FALSE(loaded) << name << " " << text;
    EXPECT_EQ(loaded.error().reason, "setting_invalid");
    EXPECT_NE(loaded.error().message.find("it is"), std::string::npos) << loaded.error().message;
  }
}

TEST(Settings, OfTheHubOfThisMachineAreFoundWithoutItsFlags) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "waybill-settings-of-hub";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "waybill.toml") << "database = \"postgres://u@db/hub\"\n";
  const auto database = [](const Result<LoadedSettings>& loaded) {
    return loaded && loaded->settings.database ? loaded->settings.database->shown() : "none";
  };

  for (const auto& loaded : {load_hub_settings({}, environment_of({{"WAYBILL_DATA", folder}})),
                             load_hub_settings({{"data", folder}}, environment_of({}))}) {
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->settings.data, folder);
    EXPECT_EQ(database(loaded), "postgres://u@db/hub");
  }
  EXPECT_EQ(database(load_hub_settings({{"data", folder}, {"database", "postgres://u@db/other"}},
                                       environment_of({}))),
            "postgres://u@db/other");
  EXPECT_EQ(database(load_hub_settings({{"data", folder}},
                                       environment_of({{"WAYBILL_DATABASE", "sqlite"}}))),
            "none");

  // The file that WAYBILL_CONFIG names, and the folder that is named in it.
  std::ofstream(folder / "elsewhere.toml") << "data = \"" << folder.string() << "/data\"\n";
  const auto named = load_hub_settings(
      {}, environment_of({{"WAYBILL_CONFIG", (folder / "elsewhere.toml").string()}}));
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_EQ(named->settings.data, folder / "data");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace waybill::app
