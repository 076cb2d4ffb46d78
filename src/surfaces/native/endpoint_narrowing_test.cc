// What narrows that which an endpoint is sent: filters, windows, and what its dialect has words
// for.

#include <fmt/format.h>

#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::native {
namespace {

using namespace std::chrono_literals;

const std::string kAcme = "/hub/v1/workspaces/acme";
const std::string kEndpoints = kAcme + "/endpoints";

class NarrowingTest : public NativeApiTest {
 protected:
  std::string subscribe(std::string_view dialect, std::string_view more) {
    return text(ok(201, "POST", kEndpoints,
                   fmt::format(R"({{"dialect": "{}", "url": "https://example.com/h", {}}})",
                               dialect, more)),
                "id");
  }
  json::value publish_data(std::string_view type, std::string_view data) {
    return ok(201, "POST", kAcme + "/events",
              fmt::format(R"({{"type": "{}", "data": {}}})", type, data));
  }
  json::value read(const json::value& event) {
    return ok(200, "GET", kAcme + "/events/" + text(event, "id"));
  }
};

TEST_F(NarrowingTest, AFilterDecidesWhatIsSentAndTheEventTells) {
  const std::string id =
      subscribe("standard-webhooks", R"("filter": {"total": {"$gte": 100}}, "name": "Big ones")");
  const json::value endpoint = ok(200, "GET", kEndpoints + "/" + id);
  EXPECT_EQ(text(endpoint, "filter"), R"({"total":{"$gte":100}})");
  EXPECT_EQ(text(endpoint, "name"), "Big ones");
  EXPECT_EQ(text(publish_data("sale.made", R"({"total": 100})"), "matched"), "1");
  const json::value small = publish_data("sale.made", R"({"total": 99.99})");
  EXPECT_EQ(text(small, "matched"), "0");
  EXPECT_EQ(text(small, "withheld", 0, "reason"), "filtered");
  EXPECT_EQ(text(small, "withheld", 0, "endpoint_ids", 0), id);
  EXPECT_EQ(at(read(small), "withheld"), at(small, "withheld"));
  EXPECT_EQ(sent.size(), 1u);

  ok(200, "PATCH", kEndpoints + "/" + id, R"({"filter": null})");
  EXPECT_EQ(text(publish_data("sale.made", R"({"total": 1})"), "matched"), "1");
}

TEST_F(NarrowingTest, AFilterIsCheckedWhenItIsSet) {
  const std::string body = R"({"dialect": "proculink", "url": "https://example.com/h", "filter": )";
  refused(400, "filter_invalid", "$.filter.total.$gtt", "POST", kEndpoints,
          body + R"({"total": {"$gtt": 1}}})");
  refused(400, "member_type", "$.filter", "POST", kEndpoints, body + "[]}");
  refused(400, "filter_invalid", "$.filter", "POST", kEndpoints,
          body + R"({"a": ")" + std::string(8200, 'x') + R"("}})");
}

// An event is told to each dialect in its own words, and to none that has no word for it.
TEST_F(NarrowingTest, WhatADialectHasNoWordForIsToldOnTheEvent) {
  const std::string proculink = subscribe("proculink", R"("event_types": ["*"])");
  subscribe("standard-webhooks", R"("event_types": ["*"])");
  const json::value event = publish_data("stock.low", "{}");
  EXPECT_EQ(text(event, "matched"), "1");
  EXPECT_EQ(text(event, "withheld"),
            R"([{"reason":"unknown_to_dialect","dialect":"proculink","endpoints":1,)"
            R"("endpoint_ids":[")" +
                proculink + R"("]}])");
}

// A sample for one endpoint is nobody else's, later either.
TEST_F(NarrowingTest, WhatIsPublishedToSomeAloneIsReplayedToNobodyElse) {
  const std::string mine = subscribe("standard-webhooks", R"("event_types": ["*"])");
  const std::string other = subscribe("proculink", R"("event_types": ["*"])");
  const json::value sample =
      ok(201, "POST", kAcme + "/events",
         R"({"type": "order.created", "data": {"order_id": "01941f29-7c00-7aaa-8000-000000000001"},
             "only": {"dialect": "standard-webhooks"}})");
  EXPECT_EQ(text(sample, "matched"), "1");
  const std::string replay = kAcme + "/events/" + text(sample, "id") + "/replay";
  refused(409, "event_narrowed", "", "POST", replay);
  ok(202, "POST", replay, R"({"endpoint": ")" + mine + R"("})");
  const json::value missing = ok(200, "POST", kAcme + "/replays/dry-run",
                                 R"({"endpoint": ")" + other + R"(", "only": "missing"})");
  EXPECT_EQ(text(missing, "deliveries"), "0") << write_json(missing);
}

// R-PR-17, A-PR-7: the first is sent at once, and what follows in the window is not.
TEST_F(NarrowingTest, WithinAWindowTheSameIsSentOnce) {
  const std::string id = subscribe("precoro", R"("event_types": ["*"])");
  const auto update = [&](int document) {
    return text(publish_data("order.updated", fmt::format(R"({{"document_id": {}}})", document)),
                "matched");
  };
  EXPECT_EQ(update(7), "1");
  EXPECT_EQ(update(8), "1") << "another document";
  EXPECT_EQ(text(publish_data("order.created", R"({"document_id": 7})"), "matched"), "1")
      << "another action";
  const json::value swallowed = publish_data("order.updated", R"({"document_id": 7})");
  EXPECT_EQ(text(swallowed, "matched"), "0");
  EXPECT_EQ(text(swallowed, "withheld", 0, "reason"), "coalesced");
  EXPECT_EQ(text(swallowed, "unmatched_reason"), "The same was sent just before.");
  clock.run_for(30s - 1ms);
  EXPECT_EQ(update(7), "0");
  clock.run_for(1ms);
  EXPECT_EQ(update(7), "1") << "the window ends 30 s after what opened it";
  EXPECT_EQ(update(7), "0");
  EXPECT_EQ(sent.size(), 4u);

  ok(200, "PATCH", kEndpoints + "/" + id, R"({"coalescing": {"window": "0s"}})");
  EXPECT_EQ(update(7), "1");
  EXPECT_EQ(update(7), "1");
}

// The last change is never unseen: it is what is sent when the window ends.
TEST_F(NarrowingTest, ATrailingEdgeSendsTheLast) {
  subscribe("precoro",
            R"("event_types": ["*"], "coalescing": {"window": "30s", "edge": "trailing"})");
  const auto update = [&](int idn) {
    return publish_data("order.updated", fmt::format(R"({{"document_id": 7, "idn": {}}})", idn));
  };
  const json::value first = update(1);
  EXPECT_EQ(text(first, "matched"), "1");
  EXPECT_EQ(text(first, "deliveries", 0, "state"), "pending");
  clock.run_for(10s);
  const json::value second = update(2);
  clock.run_for(10s);
  const json::value last = update(3);
  EXPECT_EQ(text(last, "matched"), "1");
  EXPECT_TRUE(sent.empty());
  for (const json::value& event : {first, second}) {
    EXPECT_EQ(text(read(event), "matched"), "0");
    EXPECT_EQ(text(read(event), "withheld", 0, "reason"), "coalesced");
    EXPECT_EQ(at(read(event), "deliveries"), json::array());
  }
  clock.run_for(10s - 1ms);
  EXPECT_TRUE(sent.empty());
  clock.run_for(1ms);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_NE(sent[0].body.find(R"("idn":3)"), std::string::npos) << sent[0].body;
  EXPECT_EQ(text(read(last), "deliveries", 0, "state"), "succeeded");
  clock.run_for(1h);
  EXPECT_EQ(sent.size(), 1u);
  update(4);
  clock.run_for(30s);
  EXPECT_EQ(sent.size(), 2u);
}

// What waited for a window's end held up all that was in order behind it.
TEST_F(NarrowingTest, StrictOrderGoesWithTheLeadingEdgeAlone) {
  const std::string body = R"({"dialect": "precoro", "url": "https://example.com/h",
      "in_order": true, "coalescing": {"window": "30s", "edge": ")";
  refused(409, "coalescing_not_in_order", "$.coalescing", "POST", kEndpoints,
          body + R"(trailing"}})");
  const std::string id = text(ok(201, "POST", kEndpoints, body + R"(leading"}})"), "id");
  refused(409, "coalescing_not_in_order", "$.coalescing", "PATCH", kEndpoints + "/" + id,
          R"({"coalescing": {"window": "30s", "edge": "trailing"}})");
}

// After the waiting delivery was sent by hand, every further change made one of its own.
TEST_F(NarrowingTest, AWindowGoesOnAfterItsDeliveryWasSentByHand) {
  subscribe("precoro",
            R"("event_types": ["*"], "coalescing": {"window": "1h", "edge": "trailing"})");
  const auto update = [&] { return publish_data("order.updated", R"({"document_id": 7})"); };
  const json::value first = update();
  ok(202, "POST", kAcme + "/deliveries/" + text(first, "deliveries", 0, "id") + "/retry");
  clock.run_for(1s);
  EXPECT_EQ(sent.size(), 1u);
  for (int i = 0; i < 10; ++i) update();
  clock.run_for(3h);
  EXPECT_EQ(sent.size(), 2u);
}

TEST_F(NarrowingTest, CoalescingIsCheckedAndShown) {
  const std::string id = subscribe("precoro", R"("event_types": ["*"])");
  const std::string path = kEndpoints + "/" + id;
  EXPECT_TRUE(at(ok(200, "GET", path), "coalescing").is_null());
  EXPECT_EQ(text(ok(200, "GET", path), "effective", "coalescing"),
            R"({"window":"30s","edge":"leading"})");
  const json::value changed =
      ok(200, "PATCH", path, R"({"coalescing": {"window": "5s", "edge": "trailing"}})");
  EXPECT_EQ(text(changed, "coalescing"), R"({"window":"5s","edge":"trailing"})");
  EXPECT_EQ(at(changed, "effective", "coalescing"), at(changed, "coalescing"));
  refused(400, "member_missing", "$.coalescing.window", "PATCH", path, R"({"coalescing": {}})");
  refused(400, "member_invalid", "$.coalescing.edge", "PATCH", path,
          R"({"coalescing": {"window": "1s", "edge": "both"}})");
  refused(400, "member_invalid", "$.coalescing.window", "PATCH", path,
          R"({"coalescing": {"window": "2h"}})");
  refused(400, "member_unknown", "$.coalescing.key", "PATCH", path,
          R"({"coalescing": {"window": "1s", "key": "x"}})");
}

TEST_F(NarrowingTest, ADryRunTellsWhatAnEndpointWouldHaveBeenSent) {
  publish_data("sale.made", R"({"total": 5})");
  publish_data("sale.made", R"({"total": 500})");
  publish_data("stock.low", "{}");
  const json::value run = ok(200, "POST", kEndpoints + "/dry-run",
                             R"({"dialect": "standard-webhooks", "event_types": ["sale.made"],
                                 "filter": {"total": {"$gt": 100}}})");
  EXPECT_EQ(text(run, "looked_at"), "3");
  EXPECT_EQ(text(run, "matched"), "1");
  EXPECT_EQ(text(run, "rows", 0, "reason"), "not_subscribed") << "the newest first";
  EXPECT_EQ(text(run, "rows", 1, "matches"), "true");
  EXPECT_TRUE(at(run, "rows", 1, "reason").is_null());
  EXPECT_EQ(text(run, "rows", 2, "reason"), "filtered");
  EXPECT_EQ(text(ok(200, "POST", kEndpoints + "/dry-run",
                    R"({"dialect": "standard-webhooks", "limit": 1})"),
                 "looked_at"),
            "1");
  EXPECT_TRUE(sent.empty());
  EXPECT_EQ(at(ok(200, "GET", kEndpoints), "rows"), json::array());
  refused(400, "dialect_unknown", "$.dialect", "POST", kEndpoints + "/dry-run",
          R"({"dialect": "nobody"})");
  refused(400, "dialect_receives_only", "$.dialect", "POST", kEndpoints + "/dry-run",
          R"({"dialect": "woocommerce"})");
  refused(400, "filter_invalid", "$.filter.$and", "POST", kEndpoints + "/dry-run",
          R"({"dialect": "proculink", "filter": {"$and": []}})");
}

}  // namespace
}  // namespace waybill::surfaces::native
