#include "delivery/channels/fetch_settings.h"

#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "delivery/channel_settings.h"

namespace waybill::delivery {
namespace {

json::object settings(std::string_view text) { return parse_json(text)->as_object(); }

std::string fault(std::string_view text) {
  const auto checked = check_channel_settings(model::Channel::kFetch, settings(text));
  if (checked) return "none";
  EXPECT_EQ(checked.error().reason, "handler_settings_invalid") << text;
  return checked.error().path;
}

TEST(FetchSettings, HaveABaseUrlAndTextsAlone) {
  EXPECT_EQ(fault(R"({"base_url":"https://api.example/v1","token":"t","email":"a@b.c"})"), "none");
  EXPECT_EQ(fault(R"({"token":"t"})"), "$.base_url");
  EXPECT_EQ(fault(R"({"base_url":"ftp://api.example"})"), "$.base_url");
  EXPECT_EQ(fault(R"({"base_url":"https://user:pw@api.example"})"), "$.base_url");
  EXPECT_EQ(fault(R"({"base_url":"https://api.example/?x=1"})"), "$.base_url");
  EXPECT_EQ(fault(R"({"base_url":7})"), "$.base_url");
  EXPECT_EQ(fault(R"({"base_url":"https://api.example","token":""})"), "$.token");
  EXPECT_EQ(fault(R"({"base_url":"https://api.example","token":"a\r\nX-Evil: 1"})"), "$.token");
  EXPECT_EQ(fault(R"({"base_url":"https://api.example","token":{"a":1}})"), "$.token");
}

// They are sent in headers: what could not stand in one was found out with each message, and sent
// every one of them to the dead letter.
TEST(FetchSettings, HaveNothingThatCannotStandInAHeader) {
  for (const std::string_view name : {"token", "email", "anything"}) {
    for (const std::string_view value : {"größe",
                                         "a\xc2\xa0"
                                         "b",
                                         "…"}) {
      const auto checked = check_channel_settings(
          model::Channel::kFetch,
          {{"base_url", "https://api.example"}, {std::string(name), std::string(value)}});
      ASSERT_FALSE(checked) << name << " " << value;
      EXPECT_EQ(checked.error().reason, "handler_settings_invalid");
      EXPECT_EQ(checked.error().path, fmt::format("$.{}", name));
      EXPECT_NE(checked.error().message.find(name), std::string::npos) << checked.error().message;
    }
  }
  EXPECT_EQ(fault(R"({"base_url":"https://api.example","token":" ~!\"#{}|"})"), "none");
}

TEST(FetchSettings, AreShownWithoutTheToken) {
  EXPECT_EQ(shown_channel_settings(
                model::Channel::kFetch,
                settings(R"({"base_url":"https://api.example","token":"t0k","email":"a@b.c"})")),
            R"({"base_url":"https://api.example","token":"…","email":"a@b.c"})");
}

TEST(FetchSettings, ThePathFollowsTheBaseUrl) {
  for (const char* base :
       {R"({"base_url":"https://api.example/v1"})", R"({"base_url":"https://api.example/v1/"})"}) {
    const auto url = fetch_url(settings(base), "/orders/5?full=1");
    ASSERT_TRUE(url) << base;
    EXPECT_EQ(url->origin(), "https://api.example:443");
    EXPECT_EQ(url->target, "/v1/orders/5?full=1");
  }
}

// What a message says is in the path, and Precoro's messages are not signed.
TEST(FetchSettings, NoPathLeavesTheBaseUrl) {
  for (const char* path : {"/orders/../admin", "/orders/..", "/orders/%2e%2e/admin", "/orders/./a",
                           "orders", "//evil", "/a b", "/a#b", "/a\\b", "/a\r\nX: 1", ""}) {
    const auto url = fetch_url(settings(R"({"base_url":"https://api.example"})"), path);
    ASSERT_FALSE(url) << path;
    EXPECT_EQ(url.error().reason, "url_invalid") << path;
  }
}

TEST(PublishSettings, AreNone) {
  EXPECT_TRUE(check_channel_settings(model::Channel::kPublish, {}));
  const auto checked = check_channel_settings(model::Channel::kPublish, settings(R"({"a":1})"));
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().path, "$.a");
}

}  // namespace
}  // namespace waybill::delivery
