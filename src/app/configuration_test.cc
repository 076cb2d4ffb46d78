#include "app/configuration.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "app/files.h"
#include "app/settings.h"
#include "app/settings_file.h"

namespace waybill::app {
namespace {

TEST(Configuration, TheDocumentSaysWhatTheTableSays) {
  const auto document = read_bytes(WAYBILL_SOURCE_DIR "/docs/configuration.md", 1024 * 1024);

  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(*document, configuration_markdown())
      << "Make it anew: waybill configuration > docs/configuration.md";
}

TEST(Configuration, HasEverySettingAndNoSecretsValue) {
  const std::string markdown = configuration_markdown();
  for (const Setting& setting : settings_table()) {
    EXPECT_NE(markdown.find(setting.flag()), std::string::npos) << setting.name;
    EXPECT_NE(markdown.find(setting.variable()), std::string::npos) << setting.name;
  }
}

// What is commented out in the file to begin with can be commented in.
TEST(Configuration, TheFileToBeginWithIsTakenAsItStandsAndWithItsDefaults) {
  std::string name = (std::filesystem::temp_directory_path() / "waybill-toml-XXXXXX").string();
  const int descriptor = ::mkstemp(name.data());
  ASSERT_GE(descriptor, 0);
  ::close(descriptor);
  const std::string text = configuration_file();
  std::ofstream(name) << text;

  const auto as_it_stands = read_settings_file(name);
  std::string with_defaults;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    std::string line = text.substr(at, end - at);
    if (line.starts_with('#') && !line.starts_with("# ")) line.erase(0, 1);
    with_defaults += line + "\n";
    at = end + 1;
  }
  std::ofstream(name) << with_defaults;
  const auto with = read_settings_file(name);
  std::filesystem::remove(name);

  ASSERT_TRUE(as_it_stands) << as_it_stands.error().message;
  EXPECT_TRUE(as_it_stands->settings.empty());
  ASSERT_TRUE(with) << with.error().message;
  EXPECT_EQ(with->settings.size() + 1, settings_table().size()) << "all but config";
}

}  // namespace
}  // namespace waybill::app
