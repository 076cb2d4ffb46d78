// Alerts: what the dispatcher tells of deliveries and endpoints, as events.

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/json.h"
#include "delivery/dispatcher_fixture.h"

namespace waybill::delivery {
namespace {

class DispatcherAlertsTest : public DispatcherTest {
 protected:
  // An endpoint that is told `types` in the dialect of alerts.
  model::Endpoint add_watcher(const std::string& host, std::vector<std::string> types = {"*"},
                              std::string dialect = "waybill") {
    model::Endpoint made = add_endpoint(workspace, host, {}, std::move(dialect));
    made.event_types = std::move(types);
    in_store([&](store::Connection& c) { return store::endpoints::update(c, made); });
    return made;
  }
  // Oldest first.
  std::vector<store::events::Routed> alerts() {
    auto rows = in_store([&](store::Connection& c) {
                  return store::events::list(c, workspace, {}, {200, std::nullopt});
                }).rows;
    std::erase_if(rows, [](const auto& row) { return !model::is_alert(row.event.type); });
    std::ranges::reverse(rows);
    return rows;
  }
  std::vector<std::string> types() {
    std::vector<std::string> all;
    for (const auto& alert : alerts()) all.push_back(alert.event.type);
    return all;
  }
  json::object data(const store::events::Routed& alert) {
    return parse_json(alert.event.data)->as_object();
  }
  void refuse(const std::string& host) {
    answers[host] = [] { return status(500); };
  }
};

using Types = std::vector<std::string>;

TEST_F(DispatcherAlertsTest, ADroppedDeliveryIsToldToWhoeverNamesIt) {
  const model::Endpoint dead = add_endpoint("dead.example", retrying({1min}));
  add_watcher("watch.example");
  refuse("dead.example");
  Node& node = add_node();
  const auto events = publish(node);
  EXPECT_TRUE(alerts().empty());
  clock.run_for(2min);

  ASSERT_EQ(types(), (Types{"delivery.dropped"}));
  const auto alert = alerts()[0];
  EXPECT_EQ(alert.matched, 1) << "the watcher alone: a star of an open catalogue is for events";
  EXPECT_EQ(alert.event.subject, dead.id.text());
  const json::object told = data(alert);
  EXPECT_EQ(told.at("delivery_id").as_string(), deliveries(dead)[0].id.text());
  EXPECT_EQ(told.at("endpoint_id").as_string(), dead.id.text());
  EXPECT_EQ(told.at("event_id").as_string(), events[0]);
  EXPECT_EQ(told.at("event_type").as_string(), "order.created");
  EXPECT_EQ(told.at("attempts").to_number<int>(), 2);
  EXPECT_EQ(told.at("last_status").to_number<int>(), 500);
  EXPECT_FALSE(told.contains("last_error"));
  EXPECT_EQ(events_at("watch.example"), (std::vector{alert.event.id.text()}));
  EXPECT_EQ(node.dispatcher.counters().alerts[0] + node.dispatcher.counters().alerts[1] +
                node.dispatcher.counters().alerts[2],
            1u);
}

TEST_F(DispatcherAlertsTest, WithoutAnAnswerTheErrorIsTold) {
  add_endpoint("dead.example", retrying({}));
  answers["dead.example"] = [] {
    return Result<net::ClientResponse>(fail(Code::kUnavailable, "refused", "Nobody is there."));
  };
  publish(add_node());
  ASSERT_EQ(types(), (Types{"delivery.dropped"}));
  const json::object told = data(alerts()[0]);
  EXPECT_FALSE(told.contains("last_status"));
  EXPECT_EQ(told.at("last_error").as_string(), "Nobody is there.");
}

TEST_F(DispatcherAlertsTest, ADeactivationIsToldOnceAndNotToTheEndpointItself) {
  const model::Endpoint dead =
      add_watcher("dead.example", {"*", "endpoint.deactivated"}, "standard-webhooks");
  in_store([&](store::Connection& c) -> Result<void> {
    auto changed = store::endpoints::find(c, workspace, dead.id);
    if (!changed) return fail(changed.error());
    changed->overrides.deactivate_after = 3;
    return store::endpoints::update(c, *changed);
  });
  add_watcher("watch.example", {"endpoint.deactivated"}, "standard-webhooks");
  refuse("dead.example");
  Node& node = add_node();
  publish(node, 5);
  clock.run_for(1h);

  ASSERT_EQ(stored(dead).state, EndpointState::kDeactivated);
  ASSERT_EQ(types(), (Types{"endpoint.deactivated"}));
  const auto alert = alerts()[0];
  EXPECT_EQ(alert.matched, 1);
  EXPECT_EQ(events_at("watch.example"), (std::vector{alert.event.id.text()}));
  const json::object told = data(alert);
  EXPECT_EQ(told.at("endpoint_id").as_string(), dead.id.text());
  EXPECT_EQ(told.at("url").as_string(), dead.url);
  EXPECT_EQ(told.at("dialect").as_string(), "standard-webhooks");
  EXPECT_EQ(told.at("reason").as_string(), stored(dead).state_reason);
  EXPECT_EQ(told.at("consecutive_failures").to_number<int>(), 3);
}

TEST_F(DispatcherAlertsTest, A410TellsOfBoth) {
  add_endpoint("gone.example");
  answers["gone.example"] = [] { return status(410); };
  publish(add_node());
  Types found = types();
  std::ranges::sort(found);
  EXPECT_EQ(found, (Types{"delivery.dropped", "endpoint.deactivated"}));
}

TEST_F(DispatcherAlertsTest, WhereNobodyListensTheAlertIsInTheListOfEvents) {
  add_endpoint("dead.example", retrying({}));
  refuse("dead.example");
  publish(add_node());
  ASSERT_EQ(types(), (Types{"delivery.dropped"}));
  EXPECT_EQ(alerts()[0].matched, 0);
  EXPECT_EQ(alerts()[0].unmatched_reason, "No endpoint subscribes to delivery.dropped.");
}

// No storm: an alert that cannot be delivered makes no further alert of that.
TEST_F(DispatcherAlertsTest, ADroppedAlertMakesNoAlert) {
  add_endpoint("dead.example", retrying({}));
  for (const char* host : {"a.example", "b.example"}) {
    add_watcher(host);
    refuse(host);
  }
  refuse("dead.example");
  Node& node = add_node();
  publish(node);
  clock.run_for(7 * 24h);
  EXPECT_EQ(types(), (Types{"delivery.dropped"}));
  EXPECT_EQ(arrivals_at("a.example").size(), 10u);
  EXPECT_EQ(arrivals_at("b.example").size(), 10u);
}

TEST_F(DispatcherAlertsTest, AnEndpointThatFailsMoreThanHalfIsToldOfOnceUntilItIsWell) {
  const model::Endpoint shaky = add_endpoint("shaky.example", retrying({}));
  add_watcher("watch.example", {"endpoint.failing"});
  Node& node = add_node();
  const auto fail_all = [&] { refuse("shaky.example"); };
  const auto failing_alerts = [&] { return std::ranges::count(types(), "endpoint.failing"); };

  publish(node, 30);
  fail_all();
  publish(node, 19);
  EXPECT_EQ(failing_alerts(), 0) << "there are too few since the first failure";
  publish(node);
  EXPECT_EQ(failing_alerts(), 1);
  EXPECT_TRUE(stored(shaky).failing);
  publish(node, 40);
  EXPECT_EQ(failing_alerts(), 1) << "it is known";
  EXPECT_EQ(events_at("watch.example").size(), 1u);

  answers.clear();
  publish(node, 14);
  EXPECT_TRUE(stored(shaky).failing);
  publish(node, 1);
  EXPECT_FALSE(stored(shaky).failing) << "five of the latest twenty failed";
  EXPECT_EQ(failing_alerts(), 1);
  fail_all();
  publish(node, 20);
  EXPECT_EQ(failing_alerts(), 2) << "a new story";
}

TEST_F(DispatcherAlertsTest, ARestartTellsNothingAgain) {
  const model::Endpoint shaky = add_endpoint("shaky.example", retrying({}));
  refuse("shaky.example");
  publish(add_node(), 20);
  ASSERT_TRUE(stored(shaky).failing);
  publish(add_node(), 60);
  EXPECT_EQ(std::ranges::count(types(), "endpoint.failing"), 1);
}

TEST_F(DispatcherAlertsTest, ASuccessCostsNoStatementMore) {
  add_endpoint("a.example");
  add_watcher("watch.example");
  Node& node = add_node();
  publish(node, 5);
  const std::uint64_t units = database->counters().units;
  publish(node, 10);
  EXPECT_EQ(database->counters().units - units, 20u) << "accepted, and recorded";
  EXPECT_TRUE(alerts().empty());
}

// The alert is in the transaction of the record: both are there, or neither is.
TEST_F(DispatcherAlertsTest, AnOutcomeThatIsNotRecordedTellsNothing) {
  const model::Endpoint dead = add_endpoint("dead.example", retrying({}));
  refuse("dead.example");
  held_hosts = {"dead.example"};
  Node& node = add_node();
  publish(node);
  // Somebody else has taken it over.
  in_store([&](store::Connection& c) {
    return c.execute("UPDATE deliveries SET lease = $1 WHERE endpoint_id = $2",
                     {ids.next(), dead.id});
  });
  release_all();
  EXPECT_TRUE(alerts().empty());
}

}  // namespace
}  // namespace waybill::delivery
