// What sources have received, as the API shows it and gives it to handlers again.

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "surfaces/native/received_fixture.h"

namespace waybill::surfaces::native {
namespace {

constexpr std::string_view kMessages = "/hub/v1/workspaces/acme/messages";
constexpr std::string_view kReplay = "/hub/v1/workspaces/acme/sources/orders/replay";

class MessagesTest : public ReceivedTest {
 public:
  static std::string path(std::string_view id, std::string_view more = {}) {
    return fmt::format("{}/{}{}", kMessages, id, more);
  }
};

TEST_F(MessagesTest, AreShownByteForByteWithWhatBecameOfThem) {
  const std::string handler_id = new_handler();
  const std::string body = receiver::a_message("evt_1", "production", " ,\n \"é\" :1.0");
  const std::string id = receive(body);
  const json::value shown = ok(200, "GET", path(id));
  EXPECT_EQ(text(shown, "body"), body);
  EXPECT_EQ(text(shown, "body_base64"), "null");
  EXPECT_EQ(text(shown, "external_id"), "evt_1");
  EXPECT_EQ(text(shown, "type"), "order.shipped");
  EXPECT_EQ(text(shown, "body_bytes"), std::to_string(body.size()));
  EXPECT_EQ(text(shown, "dialect"), "procureiq");
  EXPECT_EQ(text(shown, "document"), "null");
  EXPECT_NE(text(shown, "headers").find("ignature"), std::string::npos);
  ASSERT_EQ(at(shown, "deliveries").as_array().size(), 1u);
  EXPECT_EQ(text(shown, "deliveries", 0, "endpoint_id"), handler_id);
  EXPECT_EQ(text(shown, "deliveries", 0, "state"), "succeeded");
  EXPECT_EQ(text(shown, "deliveries", 0, "attempts", 0, "outcome"), "succeeded");
  const net::Response list = call("GET", kMessages);
  EXPECT_EQ(list.body.find("1.0"), std::string::npos);
}

TEST_F(MessagesTest, AreFoundByWhatThePlatformCallsThem) {
  receive(receiver::a_message("evt_1"));
  const std::string second = receive(receiver::a_message("evt_2"));
  receive(receiver::a_message("evt_2"));  // Again.
  const auto found = [&](std::string_view query) {
    const json::value list = ok(200, "GET", fmt::format("{}?{}", kMessages, query));
    std::string all;
    for (const json::value& row : at(list, "rows").as_array())
      all += text(row, "external_id") + " ";
    return all;
  };
  EXPECT_EQ(found("limit=10"), "evt_2 evt_1 ");
  EXPECT_EQ(found("external_id=evt_1"), "evt_1 ");
  EXPECT_EQ(found("type=order.shipped&source=orders"), "evt_2 evt_1 ");
  EXPECT_EQ(found("type=order.lost"), "");
  EXPECT_EQ(text(ok(200, "GET", path(second)), "duplicates"), "1");
  refused(404, "source_not_found", "", "GET", std::string(kMessages) + "?source=nowhere");
  refused(404, "message_not_found", "", "GET", path("msg_01KAHZ5MPQ3V8N2X7R4T6W9Y0B"));
}

// They hold what strangers sent, with headers: a scope of their own opens them.
TEST_F(MessagesTest, AreNoEventsForThoseWhoReadEvents) {
  const std::string id = receive(receiver::a_message("evt_1"));
  const std::string event = "evt_" + id.substr(4);
  EXPECT_EQ(text(ok(200, "GET", "/hub/v1/workspaces/acme/events"), "rows"), "[]");
  refused(404, "event_not_found", "", "GET", "/hub/v1/workspaces/acme/events/" + event);
  refused(404, "event_not_found", "", "POST",
          fmt::format("/hub/v1/workspaces/acme/events/{}/replay", event));
  refused(400, "event_type_reserved", "$.type", "POST", "/hub/v1/workspaces/acme/events",
          R"({"type": "message.received", "data": {}})");
  const Headers reader = key_with({"events:*", "deliveries:*", "sources:*"});
  refused(403, "scope_missing", "", "GET", kMessages, {}, reader);
  refused(403, "scope_missing", "", "GET", path(id), {}, reader);
  refused(403, "scope_missing", "$.filter", "POST", kReplay, R"({"filter": {"id": "evt_1"}})",
          reader);
  ok(200, "GET", path(id), {}, key_with({"messages:read"}));
}

TEST_F(MessagesTest, AreGivenToAllHandlersAgainOrToOne) {
  new_handler();
  const std::string other = new_handler(R"("event_types": ["order.cancelled"])");
  const std::string body = receiver::a_message("evt_1");
  const std::string id = receive(body);
  ASSERT_EQ(handler.bodies.size(), 1u);
  const json::value all = ok(202, "POST", path(id, "/replay"));
  ASSERT_EQ(at(all, "rows").as_array().size(), 1u) << "the other does not want it";
  EXPECT_EQ(text(all, "rows", 0, "kind"), "replay");
  EXPECT_EQ(text(all, "rows", 0, "event_id"), "evt_" + id.substr(4));
  ok(202, "POST", path(id, "/replay"), fmt::format(R"({{"handler": "{}"}})", other));
  EXPECT_EQ(handler.bodies, std::vector<std::string>(3, body));
  EXPECT_EQ(types_owed_to(other), std::vector<std::string>{"message.received"});
  refused(404, "handler_not_found", "$.handler", "POST", path(id, "/replay"),
          fmt::format(R"({{"handler": "{}"}})", new_endpoint()));
  EXPECT_EQ(std::ranges::count(audit_actions(), "message.replay"), 2);
}

TEST_F(MessagesTest, AreCountedBeforeARangeIsReplayed) {
  new_handler();
  for (const char* id : {"evt_1", "evt_2", "evt_3"}) {
    receive(receiver::a_message(id));
    clock.run_for(std::chrono::minutes(1));
  }
  handler.bodies.clear();
  const std::string wanted = R"({"since": "150s", "event_types": ["order.shipped"]})";
  const json::value foreseen = ok(200, "POST", std::string(kReplay) + "/dry-run", wanted);
  EXPECT_EQ(text(foreseen, "rows", 0, "deliveries"), "2");
  EXPECT_TRUE(handler.bodies.empty());
  const json::value made = ok(202, "POST", kReplay, wanted);
  EXPECT_EQ(text(made, "rows", 0, "only"), "all");
  finish_replays();
  EXPECT_EQ(handler.bodies,
            (std::vector<std::string>{receiver::a_message("evt_2"), receiver::a_message("evt_3")}));
}

TEST_F(MessagesTest, ARangeIsNarrowedByThePlatformsTypesAndTheBody) {
  const std::string id = new_handler();
  receive(receiver::a_message("evt_1"));
  receive(receiver::a_message("evt_2"));
  handler.bodies.clear();
  const auto foreseen = [&](std::string_view body) {
    return text(ok(200, "POST", std::string(kReplay) + "/dry-run", body), "rows", 0, "deliveries");
  };
  EXPECT_EQ(foreseen("{}"), "2");
  EXPECT_EQ(foreseen(R"({"event_types": ["order.cancelled"]})"), "0");
  EXPECT_EQ(foreseen(R"({"filter": {"id": "evt_2"}})"), "1");
  EXPECT_EQ(foreseen(R"({"only": "missing"})"), "0");
  EXPECT_EQ(foreseen(fmt::format(R"({{"handler": "{}"}})", id)), "2");
  refused(404, "handler_not_found", "$.handler", "POST", kReplay,
          fmt::format(R"({{"handler": "{}"}})", new_endpoint()));
  // An endpoint's replay has none of them.
  EXPECT_EQ(text(ok(200, "POST", "/hub/v1/workspaces/acme/replays/dry-run",
                    fmt::format(R"({{"endpoint": "{}", "only": "all"}})", new_endpoint())),
                 "deliveries"),
            "0");
  refused(404, "endpoint_not_found", "", "POST", "/hub/v1/workspaces/acme/replays",
          fmt::format(R"({{"endpoint": "{}", "only": "all"}})", id));
}

// What it has not fetched yet would be given to nobody.
TEST_F(MessagesTest, AFetcherThatOwesIsNotDeleted) {
  const std::string fetcher = "/hub/v1/workspaces/acme/handlers/" + new_fetcher();
  ok(200, "POST", fetcher + "/pause");
  receive(receiver::a_message("evt_1"));
  receive(receiver::a_message("evt_2"));
  const net::Response kept = call("DELETE", fetcher);
  EXPECT_EQ(kept.status, 409);
  EXPECT_TRUE(kept.body.contains("fetcher_owes")) << kept.body;
  EXPECT_TRUE(kept.body.contains("2 messages wait for it")) << kept.body;
  EXPECT_EQ(text(ok(200, "GET", fetcher), "state"), "paused");
  ok(200, "POST", fetcher + "/resume");
  settle();
  EXPECT_EQ(text(ok(200, "DELETE", fetcher), "state"), "deleted");
  ok(200, "DELETE", fetcher);
}

// What was fetched tells of the same message, with its document.
TEST_F(MessagesTest, ARangeOfASourceThatFetchesIsWhatWasFetched) {
  const std::string fetcher = new_fetcher();
  const std::string plain = new_handler();
  const std::string id = receive(receiver::a_message("evt_1"));
  receive(receiver::a_message("evt_2"));  // Its document never came.
  EXPECT_TRUE(types_owed_to(plain).empty());
  note_fetched(id, R"({"number": 7})");
  EXPECT_EQ(types_owed_to(plain), std::vector<std::string>{"message.fetched"});
  EXPECT_EQ(text(ok(200, "GET", path(id)), "document"), R"({"number":7})");

  const json::value made = ok(202, "POST", kReplay, "{}");
  ASSERT_EQ(at(made, "rows").as_array().size(), 1u) << "not the fetcher";
  EXPECT_EQ(text(made, "rows", 0, "endpoint_id"), plain);
  finish_replays();
  EXPECT_EQ(types_owed_to(plain), std::vector<std::string>(2, "message.fetched"));
  ok(202, "POST", path(id, "/replay"));
  EXPECT_EQ(types_owed_to(plain), std::vector<std::string>(3, "message.fetched"));
  EXPECT_EQ(types_owed_to(fetcher), std::vector<std::string>(2, "message.received"));
  ok(202, "POST", path(id, "/replay"), fmt::format(R"({{"handler": "{}"}})", fetcher));
  EXPECT_EQ(types_owed_to(fetcher), std::vector<std::string>(3, "message.received"));

  // Once the source fetches no more, no message is given twice.
  ok(200, "DELETE", "/hub/v1/workspaces/acme/handlers/" + fetcher);
  ok(202, "POST", kReplay, "{}");
  finish_replays();
  EXPECT_EQ(types_owed_to(plain),
            (std::vector<std::string>{"message.fetched", "message.fetched", "message.fetched",
                                      "message.received", "message.fetched"}));
}

}  // namespace
}  // namespace waybill::surfaces::native
