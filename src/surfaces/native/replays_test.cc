// Replays through the API: begin, look ahead, read, cancel. What they do:
// delivery/replayer_test.cc.

#include <fmt/format.h>

#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::native {
namespace {

const std::string kReplays = "/hub/v1/workspaces/acme/replays";

std::string body(const std::string& endpoint, std::string_view more = R"("only": "missing")") {
  return fmt::format(R"({{"endpoint": "{}", {}}})", endpoint, more);
}

TEST_F(NativeApiTest, AReplayIsBegunReadListedAndCancelled) {
  const std::string endpoint = new_endpoint();
  const json::value made =
      ok(202, "POST", kReplays, body(endpoint, R"("only": "failed", "event_types": ["stock.low"],
                                                "subject": "sku-1", "since": "7d", "until": "1h")"));
  EXPECT_EQ(text(made, "state"), "running");
  EXPECT_EQ(text(made, "endpoint_id"), endpoint);
  EXPECT_EQ(text(made, "only"), "failed");
  EXPECT_EQ(text(made, "event_types"), R"(["stock.low"])");
  EXPECT_EQ(text(made, "subject"), "sku-1");
  EXPECT_EQ(text(made, "since"), "2025-12-25T12:00:00.000Z");
  EXPECT_EQ(text(made, "until"), "2026-01-01T11:00:00.000Z");
  EXPECT_EQ(text(made, "made_by"), "admin");
  const std::string path = kReplays + "/" + text(made, "id");
  EXPECT_EQ(ok(200, "GET", path), made);
  EXPECT_EQ(text(ok(200, "GET", kReplays + "?state=running&endpoint=" + endpoint), "rows", 0, "id"),
            text(made, "id"));
  EXPECT_EQ(at(ok(200, "GET", kReplays + "?state=done"), "rows"), json::array());

  EXPECT_EQ(text(ok(200, "POST", path + "/cancel"), "state"), "cancelled");
  EXPECT_EQ(text(ok(200, "GET", path), "state"), "cancelled");
  EXPECT_EQ(text(ok(200, "POST", path + "/cancel"), "state"), "cancelled") << "again: no matter";
  EXPECT_EQ(audit_actions()[0], "replay.cancel");
  EXPECT_EQ(audit_actions()[1], "replay.create");
}

TEST_F(NativeApiTest, AReplayIsReadStrictly) {
  const std::string endpoint = new_endpoint();
  const std::string gone = new_endpoint();
  ok(200, "DELETE", "/hub/v1/workspaces/acme/endpoints/" + gone);
  for (const std::string& path : {kReplays, kReplays + "/dry-run"}) {
    const auto bad = [&](std::string_view code, std::string_view where, std::string_view text) {
      refused(400, code, where, "POST", path, text);
    };
    bad("member_missing", "$.endpoint", R"({"only": "all"})");
    bad("member_missing", "$.only", body(endpoint, R"("since": "1h")"));
    bad("member_invalid", "$.only", body(endpoint, R"("only": "some")"));
    bad("member_invalid", "$.event_types", body(endpoint, R"("only": "all", "event_types": [])"));
    bad("member_invalid", "$.since", body(endpoint, R"("only": "all", "since": "yesterday")"));
    bad("member_invalid", "$.until",
        body(endpoint, R"("only": "all", "since": "1h", "until": "2h")"));
    bad("member_unknown", "$.type", body(endpoint, R"("only": "all", "type": "a")"));
    refused(404, "endpoint_not_found", "$.endpoint", "POST", path, body("none"));
    refused(404, "endpoint_not_found", "", "POST", path, body(gone));
  }
  refused(404, "replay_not_found", "", "GET", kReplays + "/none");
  refused(404, "replay_not_found", "", "POST", kReplays + "/none/cancel");
  refused(400, "query_invalid", "", "GET", kReplays + "?state=over");
  EXPECT_EQ(at(ok(200, "GET", kReplays), "rows"), json::array());
}

TEST_F(NativeApiTest, ADryRunOfAReplayTellsWhatItWouldDo) {
  for (int i = 0; i < 3; ++i) publish();
  const std::string endpoint = new_endpoint();
  publish();
  const json::value told = ok(200, "POST", kReplays + "/dry-run", body(endpoint));
  EXPECT_EQ(write_json(told), R"({"looked_at":4,"deliveries":3,"skipped":1,"more":false})");
  EXPECT_EQ(sent.size(), 1u);
  EXPECT_EQ(at(ok(200, "GET", kReplays), "rows"), json::array());
}

TEST_F(NativeApiTest, AReplayThatIsOverIsNotCancelledAndAHundredRunAtOnce) {
  const std::string endpoint = new_endpoint();
  for (int i = 0; i < intake::Recovery::kRunningMax; ++i) {
    ok(202, "POST", kReplays, body(endpoint));
  }
  refused(409, "replays_running", "", "POST", kReplays, body(endpoint));
  const std::string path = kReplays + "/" + text(ok(200, "GET", kReplays), "rows", 0, "id");
  EXPECT_TRUE(run(database->run(
      [&](store::Connection& c) { return c.execute("UPDATE replays SET state = 'done'", {}); })));
  refused(409, "replay_over", "", "POST", path + "/cancel");
}

TEST_F(NativeApiTest, AReplayNeedsTheScopesOfDeliveries) {
  const std::string endpoint = new_endpoint();
  const Headers reader = key_with({"deliveries:read", "events:write"});
  EXPECT_EQ(call("POST", kReplays, body(endpoint), reader).status, 403);
  EXPECT_EQ(call("POST", kReplays + "/dry-run", body(endpoint), reader).status, 200);
  EXPECT_EQ(call("GET", kReplays, {}, reader).status, 200);
  EXPECT_EQ(call("POST", kReplays, body(endpoint), key_with({"deliveries:write"})).status, 202);
}

}  // namespace
}  // namespace waybill::surfaces::native
