#include "app/cli/hub_client.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <unistd.h>

#include <gtest/gtest.h>

#include "app/data_directory.h"

namespace waybill::app::cli {
namespace {
namespace fs = std::filesystem;

class FindHubTest : public testing::Test {
 protected:
  FindHubTest() {
    std::string name = (fs::temp_directory_path() / "waybill-hub-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    variables_["WAYBILL_DATA"] = name;
  }
  ~FindHubTest() override { fs::remove_all(folder_); }

  void a_hub_runs() {
    std::ofstream(url_file(folder_)) << "http://127.0.0.1:4711\n";
    std::ofstream(token_file(folder_)) << "wba_local\n";
  }
  HubAddress found(std::optional<std::string> url = {}, std::optional<std::string> token = {}) {
    const auto hub = find_hub(url, token, [this](const std::string& name) {
      const auto variable = variables_.find(name);
      return variable == variables_.end() ? std::nullopt : std::optional(variable->second);
    });
    EXPECT_TRUE(hub);
    return hub.value_or(HubAddress{});
  }

  fs::path folder_;
  std::map<std::string, std::string> variables_;
};

TEST_F(FindHubTest, IsTheOneOfThisMachineWithItsToken) {
  a_hub_runs();

  const HubAddress hub = found();

  EXPECT_EQ(hub.url, "http://127.0.0.1:4711");
  EXPECT_EQ(hub.token.reveal(), "wba_local");
  EXPECT_EQ(hub.token_source, (folder_ / "admin.token").string());
}

TEST_F(FindHubTest, TakesWhatIsGivenBeforeVariablesBeforeFiles) {
  a_hub_runs();
  variables_["WAYBILL_URL"] = "http://hub.example:1/";
  variables_["WAYBILL_TOKEN"] = "wbk_variable";

  EXPECT_EQ(found().url, "http://hub.example:1");
  EXPECT_EQ(found().token.reveal(), "wbk_variable");
  EXPECT_EQ(found("http://other.example:2", "wbk_given").url, "http://other.example:2");
  EXPECT_EQ(found("http://other.example:2", "wbk_given").token.reveal(), "wbk_given");
}

TEST_F(FindHubTest, GivesTheLocalTokenToNoOtherMachine) {
  a_hub_runs();

  EXPECT_TRUE(found("https://hub.example").token.empty());
  EXPECT_TRUE(found("http://10.0.0.7:8080").token.empty());
  EXPECT_EQ(found("http://localhost:8080").token.reveal(), "wba_local");
  EXPECT_EQ(found("http://[::1]:8080").token.reveal(), "wba_local");
}

TEST_F(FindHubTest, GuessesTheUsualAddressWhereNoHubRuns) {
  const HubAddress hub = found();

  EXPECT_EQ(hub.url, "http://127.0.0.1:8080");
  EXPECT_TRUE(hub.token.empty());
}

TEST_F(FindHubTest, RefusesWhatIsNoAddress) {
  const auto hub = find_hub("localhost:8080", std::nullopt,
                            [](const std::string&) -> std::optional<std::string> { return {}; });

  ASSERT_FALSE(hub);
  EXPECT_EQ(hub.error().code, Code::kInvalid);
}

TEST(WithQuery, EscapesWhatItMust) {
  EXPECT_EQ(with_query("/a", {}), "/a");
  EXPECT_EQ(with_query("/a", {{"since", "2026-11-21T04:30:00+02:00"}, {"type", "a.b"}}),
            "/a?since=2026-11-21T04%3A30%3A00%2B02%3A00&type=a.b");
}

}  // namespace
}  // namespace waybill::app::cli
