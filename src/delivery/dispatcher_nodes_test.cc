// What the dispatchers of several nodes do together: shares of caps, leases, what they tell each
// other, and what they do while they cannot hear each other.

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "delivery/dispatcher_fixture.h"
#include "store/changes.h"

namespace waybill::delivery {
namespace {

namespace changes = store::changes;

class DispatcherNodesTest : public DispatcherTest {
 protected:
  // Several nodes that know of each other.
  void add_nodes(int count) {
    for (int i = 0; i < count; ++i) add_node();
    set_nodes(count);
  }
  void set_nodes(int live) {
    for (auto& node : nodes) node->dispatcher.set_nodes(live);
    settle();
  }
  void wake_all(const model::Endpoint& endpoint) {
    for (auto& node : nodes) node->dispatcher.hear_due(endpoint.workspace_id, endpoint.id);
    settle();
  }
  // How often the endpoint was named as due.
  std::ptrdiff_t times_told(const model::Endpoint& endpoint) {
    std::ptrdiff_t times = 0;
    for (const std::string& text : bus->said()) {
      const auto message = changes::parse(text);
      const auto* due = message ? std::get_if<changes::Due>(&*message) : nullptr;
      if (!due) continue;
      times += std::ranges::count(due->endpoints,
                                  changes::EndpointRef{endpoint.workspace_id, endpoint.id});
    }
    return times;
  }
};

// --- Caps
// -------------------------------------------------------------------------------------------

TEST_F(DispatcherNodesTest, ShareAnEndpointsCapOfRequestsInFlight) {
  const model::Endpoint narrow =
      add_endpoint("narrow.example", with(&model::EndpointOverrides::in_flight_max, 6));
  held_hosts = {"narrow.example"};
  add_nodes(2);
  owe(narrow, 1'000);
  wake_all(narrow);
  EXPECT_EQ(in_flight["narrow.example"], 6);

  // Each may have three times as much once it is alone; what the other has is not taken back.
  nodes[0]->dispatcher.set_nodes(1);
  settle();
  EXPECT_EQ(in_flight["narrow.example"], 9);
}

TEST_F(DispatcherNodesTest, EachHaveOneInFlightWhereTheCapIsSmallerThanTheirNumber) {
  const model::Endpoint narrow =
      add_endpoint("narrow.example", with(&model::EndpointOverrides::in_flight_max, 1));
  held_hosts = {"narrow.example"};
  for (int i = 0; i < 3; ++i) add_node();
  // More than one node claims at a time, so that each has its part.
  owe(narrow, 1'000);
  set_nodes(3);
  wake_all(narrow);
  EXPECT_EQ(in_flight["narrow.example"], 3);
}

TEST_F(DispatcherNodesTest, ShareAnEndpointsRate) {
  const model::Endpoint slow =
      add_endpoint("slow.example", with(&model::EndpointOverrides::rate_per_second, 10));
  add_nodes(2);
  owe(slow, 1'000);
  wake_all(slow);
  clock.run_for(10s);
  EXPECT_GE(arrivals.size(), 98u);
  EXPECT_LE(arrivals.size(), 104u);
}

TEST_F(DispatcherNodesTest, ShareWhatMayStillFail) {
  const model::Endpoint failing = add_endpoint("a.example");
  answers["a.example"] = [] { return status(500); };
  Node& node = add_node();
  publish(node);
  held_hosts = {"a.example"};
  node.dispatcher.set_nodes(2);
  publish(node, 20);
  EXPECT_EQ(in_flight["a.example"], 2) << "its part of four";
}

// In a row means in a row: a success at one node ends what has failed at another.
TEST_F(DispatcherNodesTest, CountFailuresInARowTogether) {
  const model::Endpoint endpoint = add_endpoint(workspace, "a.example", {}, "proculink");
  add_nodes(2);
  publish(*nodes[1]);  // It knows the endpoint as one that does not fail.
  answers["a.example"] = [] { return status(500); };
  publish(*nodes[0], 2);
  ASSERT_EQ(stored(endpoint).consecutive_failures, 2);

  answers["a.example"] = [] { return status(200); };
  publish(*nodes[1]);
  EXPECT_EQ(stored(endpoint).consecutive_failures, 0);
  answers["a.example"] = [] { return status(500); };
  publish(*nodes[0]);
  EXPECT_EQ(stored(endpoint).consecutive_failures, 1);
  EXPECT_EQ(stored(endpoint).state, EndpointState::kActive);
}

// --- Leases
// -----------------------------------------------------------------------------------------

// A dead node's deliveries are made again when its lease is over, however short that was set.
TEST_F(DispatcherNodesTest, TakeOverWhatADeadNodeHeldOnceItsLeaseIsOver) {
  add_endpoint("a.example", with(&model::EndpointOverrides::timeout, 1s));
  held_hosts = {"a.example"};
  DispatcherOptions short_lease = options();
  short_lease.lease = 5s;
  Node& dead = add_node(short_lease);
  publish(dead);
  const Timestamp leased_at = clock.now();
  held_hosts.clear();
  short_lease.node = ids.next();
  add_node(short_lease);

  clock.run_until(leased_at + 4999ms);
  EXPECT_EQ(arrivals.size(), 1u);
  clock.run_until(leased_at + 5s);
  EXPECT_EQ(arrivals.size(), 2u);
}

// A lease shorter than an attempt would let another node make the delivery a second time.
TEST_F(DispatcherNodesTest, BeginNoAttemptThatMayOutlastItsLease) {
  const model::Endpoint slow =
      add_endpoint("slow.example", with(&model::EndpointOverrides::timeout, 30s));
  held_hosts = {"slow.example"};
  DispatcherOptions short_lease = options();
  short_lease.lease = 5s;
  Node& node = add_node(short_lease);
  short_lease.node = ids.next();
  add_node(short_lease);
  publish(node, 3);
  ASSERT_EQ(arrivals.size(), 3u);

  clock.run_for(30s);
  EXPECT_EQ(arrivals.size(), 3u) << "they are held for as long as they may take";
  release_all();
  EXPECT_EQ(deliveries(slow, DeliveryState::kSucceeded).size(), 3u);

  // By now it is known that there is such an endpoint: new ones need not be claimed once more.
  const intake::LeaseTerms terms = node.dispatcher.lease_terms();
  EXPECT_GE(terms.lease.until, clock.now() + 60s);
}

TEST_F(DispatcherNodesTest, LeaseForTwoMinutesUnlessToldOtherwise) {
  add_endpoint("a.example");
  Node& node = add_node();
  publish(node);
  EXPECT_EQ(node.dispatcher.lease_terms().lease.until, clock.now() + 2min);
}

TEST_F(DispatcherNodesTest, SignTheirAttempts) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  DispatcherOptions named = options();
  named.node_name = "hub-2";
  publish(add_node(named));
  EXPECT_EQ(attempts(deliveries(endpoint)[0])[0].node, "hub-2");
}

// --- What they tell each other
// ---------------------------------------------------------------------

TEST_F(DispatcherNodesTest, TellNobodyWhileTheyAreAlone) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  Node& node = add_node();
  node.dispatcher.wake(endpoint.workspace_id, endpoint.id, clock.now());
  clock.run_for(10s);
  EXPECT_EQ(bus->said(), std::vector<std::string>());
}

TEST_F(DispatcherNodesTest, TellWhatAnOperatorHasMadeDue) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  add_nodes(2);
  nodes[0]->dispatcher.wake(endpoint.workspace_id, endpoint.id, clock.now());
  settle();
  ASSERT_EQ(bus->said().size(), 1u);
  const auto message = changes::parse(bus->said()[0]);
  ASSERT_TRUE(message && std::holds_alternative<changes::Due>(*message));
  EXPECT_EQ(times_told(endpoint), 1);
}

TEST_F(DispatcherNodesTest, TellWhatIsAcceptedForAnEndpointThatHasItsFill) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  held_hosts = {"a.example"};
  add_nodes(2);
  publish(*nodes[0], 200);
  EXPECT_EQ(times_told(endpoint), 0) << "all of it is in memory";
  publish(*nodes[0], 200);
  EXPECT_GE(times_told(endpoint), 1);
}

TEST_F(DispatcherNodesTest, NameAnEndpointAtMostOnceASecond) {
  const model::Endpoint busy = add_endpoint("busy.example");
  add_nodes(2);
  for (int i = 0; i < 100; ++i) {
    nodes[0]->dispatcher.wake(busy.workspace_id, busy.id, clock.now());
    clock.run_for(50ms);
  }
  EXPECT_GE(times_told(busy), 4);
  EXPECT_LE(times_told(busy), 6);
  // The last of it is told too, and then there is silence.
  clock.run_for(2s);
  const std::size_t said = bus->said().size();
  clock.run_for(10s);
  EXPECT_EQ(bus->said().size(), said);
}

TEST_F(DispatcherNodesTest, CollectWhatTheyTell) {
  std::vector<model::Endpoint> endpoints;
  for (int i = 0; i < 40; ++i) endpoints.push_back(add_endpoint(std::to_string(i) + ".example"));
  add_nodes(2);
  for (const model::Endpoint& endpoint : endpoints) {
    nodes[0]->dispatcher.wake(endpoint.workspace_id, endpoint.id, clock.now());
    clock.run_for(10ms);
  }
  clock.run_for(1s);
  EXPECT_LE(bus->said().size(), 4u) << "one in 200 ms";
  for (const model::Endpoint& endpoint : endpoints) EXPECT_EQ(times_told(endpoint), 1);
}

TEST_F(DispatcherNodesTest, TellWhatTheyLeaveWhenTheyStop) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  held_hosts = {"a.example"};
  add_nodes(2);
  publish(*nodes[0], 100);
  begin_stop(*nodes[0]);
  release_all();
  EXPECT_TRUE(*nodes[0]->stopped);
  EXPECT_EQ(times_told(endpoint), 1);
}

// --- While they cannot hear each other
// -------------------------------------------------------------

// What another node does, without a word to this one.
TEST_F(DispatcherNodesTest, ReadAnEndpointAnewWhileTheyMayNotHearOfItsChange) {
  const model::Endpoint endpoint =
      add_endpoint("a.example", with(&model::EndpointOverrides::rate_per_second, 10));
  Node& node = add_node();
  Node& other = add_node();
  owe(endpoint, 300);
  node.dispatcher.hear_due(endpoint.workspace_id, endpoint.id);
  clock.run_for(3s);
  ASSERT_GE(arrivals.size(), 20u);

  node.dispatcher.trust(false);
  clock.run_for(1s);
  set_state(other, endpoint, EndpointState::kPaused);
  clock.run_for(1s);
  const std::size_t sent = arrivals.size();
  clock.run_for(10s);
  EXPECT_EQ(arrivals.size(), sent) << "paused, and a second has passed";
}

TEST_F(DispatcherNodesTest, ForgetEverythingOnceTheyHearAgain) {
  const model::Endpoint endpoint =
      add_endpoint("a.example", with(&model::EndpointOverrides::rate_per_second, 10));
  Node& node = add_node();
  Node& other = add_node();
  owe(endpoint, 300);
  node.dispatcher.hear_due(endpoint.workspace_id, endpoint.id);
  clock.run_for(3s);
  set_state(other, endpoint, EndpointState::kPaused);
  const std::size_t before = arrivals.size();
  clock.run_for(1s);
  ASSERT_GT(arrivals.size(), before) << "it has not heard";

  node.dispatcher.trust(true);
  settle();
  const std::size_t sent = arrivals.size();
  clock.run_for(10s);
  EXPECT_EQ(arrivals.size(), sent);
}

TEST_F(DispatcherNodesTest, LookForWhatIsDueOnceTheyHearAgain) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  Node& node = add_node();
  clock.run_for(1s);
  owe(endpoint, 3);
  clock.run_for(1s);
  EXPECT_EQ(arrivals.size(), 0u) << "nobody has told it";
  node.dispatcher.trust(true);
  clock.run_for(1ms);
  EXPECT_EQ(arrivals.size(), 3u);
}

}  // namespace
}  // namespace waybill::delivery
