#include "delivery/dispatcher.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stdlib.h>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/manual_clock.h"
#include "store/deliveries.h"
#include "store/endpoints.h"
#include "store/events.h"
#include "store/sqlite/sqlite_driver.h"
#include "store/workspaces.h"

namespace waybill::delivery {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using model::DeliveryState;
using model::EndpointState;

const dialect::DialectRegistry& built_in_dialects() {
  static const auto registry = dialect::DialectRegistry::load({});
  WAYBILL_CHECK(registry.has_value(), registry.error().message);
  return *registry;
}

std::filesystem::path make_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "waybill-test-XXXXXX").string();
  WAYBILL_CHECK(mkdtemp(name.data()) != nullptr, "a test can make a temporary folder");
  return name;
}

net::ClientResponse status(int code, std::vector<net::Header> headers = {}) {
  net::ClientResponse response;
  response.status = code;
  response.headers = std::move(headers);
  return response;
}

model::EndpointOverrides retrying(std::vector<model::RetrySchedule::Delay> delays) {
  model::EndpointOverrides overrides;
  overrides.retry = std::move(delays);
  return overrides;
}
template <class T>
model::EndpointOverrides with(std::optional<T> model::EndpointOverrides::* member,
                              std::type_identity_t<T> value) {
  model::EndpointOverrides overrides;
  overrides.*member = value;
  return overrides;
}

// A database, a clock that the test moves, receivers that it programs, and dispatchers on top.
class DispatcherTest : public testing::Test {
 protected:
  // One hub on this database.
  struct Node {
    Node(DispatcherTest& test, DispatcherOptions options)
        : endpoints(*test.database, built_in_dialects(), test.secret_box),
          channel(test.clock,
                  [&test](net::ClientRequest request) { return test.receive(std::move(request)); }),
          dispatcher(test.context, test.clock, test.log, *test.database, endpoints, channel, Rng(1),
                     options) {}
    EndpointDirectory endpoints;
    WebhookChannel channel;
    Dispatcher dispatcher;
    std::shared_ptr<bool> stopped;  // Set once stop() was called; true once it returned.
  };

  struct Arrival {
    Timestamp at;
    std::string host;
    std::string event;  // "evt_…"
  };

  DispatcherTest() {
    auto opened = store::Database::open(
        context, log, std::make_unique<store::SqliteDriver>(folder / "waybill.db"), clock.now());
    WAYBILL_CHECK(opened.has_value(), opened.error().message);
    database = *std::move(opened);
    clock.set_settle([this] { settle(); });
    workspace = add_workspace("acme");
  }
  ~DispatcherTest() override {
    hold_after.reset();
    release_all();
    for (auto& node : nodes) {
      if (!node->stopped) begin_stop(*node);
    }
    settle();
    for (auto& node : nodes) EXPECT_TRUE(*node->stopped);
    nodes.clear();
    database.reset();
    std::filesystem::remove_all(folder);
  }

  // Runs until there is nothing left to do at this time of the clock.
  void settle() {
    for (int turns = 0; turns < 1'000'000; ++turns) {
      context.restart();
      const std::size_t ran = context.poll();
      if (database->unanswered() > 0) {
        context.restart();
        context.run_one();
      } else if (ran == 0) {
        return;
      }
    }
    FAIL() << "there is no end to it";
  }

  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    asio::co_spawn(context, std::move(task), [&](std::exception_ptr failure, T value) {
      if (failure) std::rethrow_exception(failure);
      result.emplace(std::move(value));
    });
    settle();
    WAYBILL_CHECK(result.has_value(), "a task of a test ends");
    return *std::move(result);
  }

  // Runs a unit that must not fail.
  template <class Unit>
  auto in_store(Unit unit) {
    auto result = run(database->run(std::move(unit)));
    WAYBILL_CHECK(result.has_value(), result.error().message);
    if constexpr (!std::is_void_v<typename decltype(result)::value_type>) {
      return *std::move(result);
    }
  }

  DispatcherOptions options() {
    DispatcherOptions made;
    made.node = ids.next();
    return made;
  }
  Node& add_node() { return add_node(options()); }
  Node& add_node(DispatcherOptions made) {
    nodes.push_back(std::make_unique<Node>(*this, made));
    const auto started = run(nodes.back()->dispatcher.start());
    WAYBILL_CHECK(started.has_value(), started.error().message);
    return *nodes.back();
  }
  void begin_stop(Node& node) {
    node.stopped = std::make_shared<bool>(false);
    asio::co_spawn(context, node.dispatcher.stop(),
                   [stopped = node.stopped](std::exception_ptr) { *stopped = true; });
  }

  model::WorkspaceId add_workspace(std::string slug) {
    model::Workspace made;
    made.id = ids.next_id<model::WorkspaceId>();
    made.slug = made.name = std::move(slug);
    made.created_at = clock.now();
    in_store([&](store::Connection& c) { return store::workspaces::insert(c, made); });
    return made.id;
  }
  model::Endpoint add_endpoint(const std::string& host, model::EndpointOverrides overrides = {},
                               std::string dialect = "standard-webhooks") {
    return add_endpoint(workspace, host, std::move(overrides), std::move(dialect));
  }
  model::Endpoint add_endpoint(const model::WorkspaceId& owner, const std::string& host,
                               model::EndpointOverrides overrides = {},
                               std::string dialect = "standard-webhooks") {
    model::Endpoint made;
    made.id = ids.next_id<model::EndpointId>();
    made.workspace_id = owner;
    made.dialect = std::move(dialect);
    made.url = "https://" + host + "/hook";
    made.event_types = {"*"};
    made.overrides = std::move(overrides);
    made.created_at = made.updated_at = clock.now();
    in_store([&](store::Connection& c) { return store::endpoints::insert(c, made); });
    return made;
  }
  model::Endpoint stored(const model::Endpoint& endpoint) {
    return in_store([&](store::Connection& c) {
      return store::endpoints::find(c, endpoint.workspace_id, endpoint.id);
    });
  }
  // As the management API changes it.
  void set_state(Node& node, const model::Endpoint& endpoint, EndpointState state) {
    in_store([&](store::Connection& c) -> Result<void> {
      auto found = store::endpoints::find(c, endpoint.workspace_id, endpoint.id);
      if (!found) return fail(found.error());
      found->state = state;
      found->consecutive_failures = 0;
      WAYBILL_TRY(store::endpoints::update(c, *found));
      if (state != EndpointState::kDeleted) return {};
      WAYBILL_TRY(
          store::deliveries::cancel_waiting(c, found->workspace_id, found->id, clock.now()));
      return {};
    });
    node.dispatcher.endpoint_changed(endpoint.workspace_id, endpoint.id);
    if (state == EndpointState::kActive) {
      node.dispatcher.wake(endpoint.workspace_id, endpoint.id, clock.now());
    }
    settle();
  }

  model::Event new_event(const model::WorkspaceId& owner) {
    model::Event event;
    event.id = ids.next_id<model::EventId>();
    event.workspace_id = owner;
    event.type = model::kOrderCreated;
    event.occurred_at = clock.now();
    event.data = R"({"status":"needs_review"})";
    return event;
  }
  intake::Accepted accept(Node& node) {
    const intake::LeaseTerms terms = node.dispatcher.lease_terms();
    const model::Event event = new_event(workspace);
    return in_store(
        [&](store::Connection& c) { return acceptance.accept(c, event, terms, clock.now()); });
  }
  // On the context's own thread, as a surface does it.
  void hand_over(Node& node, intake::Accepted accepted) {
    asio::post(context, [&node, accepted = std::move(accepted)]() mutable {
      node.dispatcher.hand_over(std::move(accepted));
    });
  }
  // Publishes `count` events, one after the other. Returns their ids as they are sent.
  std::vector<std::string> publish(Node& node, int count = 1) {
    std::vector<std::string> sent;
    for (int i = 0; i < count; ++i) {
      intake::Accepted accepted = accept(node);
      sent.push_back(accepted.event->id.text());
      hand_over(node, std::move(accepted));
    }
    settle();
    return sent;
  }
  // Writes one event, and that it is owed `count` times.
  void owe(const model::Endpoint& endpoint, int count) {
    const model::Event event = new_event(endpoint.workspace_id);
    std::vector<model::DeliveryId> rows;
    for (int i = 0; i < count; ++i) rows.push_back(ids.next_id<model::DeliveryId>());
    in_store([&](store::Connection& c) -> Result<void> {
      WAYBILL_TRY(store::events::insert(c, {event, 1, std::nullopt}));
      for (const auto& id : rows) {
        model::Delivery delivery;
        delivery.id = id;
        delivery.workspace_id = endpoint.workspace_id;
        delivery.event_id = event.id;
        delivery.endpoint_id = endpoint.id;
        delivery.event_type = event.type;
        delivery.due_at = delivery.created_at = clock.now();
        WAYBILL_TRY(store::deliveries::insert(c, delivery, std::nullopt));
      }
      return {};
    });
  }

  // Newest first, at most 200.
  std::vector<model::Delivery> deliveries(const model::Endpoint& endpoint,
                                          std::optional<DeliveryState> state = std::nullopt) {
    store::deliveries::Filter filter;
    filter.endpoint = endpoint.id;
    filter.state = state;
    return in_store([&](store::Connection& c) {
             return store::deliveries::list(c, endpoint.workspace_id, filter, {200, std::nullopt});
           })
        .rows;
  }
  std::vector<model::Attempt> attempts(const model::Delivery& delivery) {
    return in_store([&](store::Connection& c) {
      return store::deliveries::attempts(c, delivery.workspace_id, delivery.id);
    });
  }

  Task<Result<net::ClientResponse>> receive(net::ClientRequest request) {
    const std::string host = request.url.host;
    const std::string* id = net::find_header(request.headers, "webhook-id");
    arrivals.push_back({clock.now(), host, id ? *id : request.body.substr(7, 36)});
    in_flight_seen[host] = std::max(in_flight_seen[host], ++in_flight[host]);
    if (held_hosts.contains(host) || (hold_after && arrivals.size() > *hold_after)) {
      asio::steady_timer timer(context, asio::steady_timer::time_point::max());
      held.push_back({host, &timer});
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    --in_flight[host];
    const auto found = answers.find(host);
    if (found == answers.end()) co_return status(200);
    co_return found->second();
  }
  // Lets go of what is held, and holds no more.
  void release_all() {
    held_hosts.clear();
    for (auto& [host, timer] : std::exchange(held, {})) timer->cancel();
    settle();
  }
  std::vector<Arrival> arrivals_at(const std::string& host) const {
    std::vector<Arrival> found;
    std::ranges::copy_if(arrivals, std::back_inserter(found),
                         [&](const Arrival& arrival) { return arrival.host == host; });
    return found;
  }
  // In the order in which they arrived.
  std::vector<std::string> events_at(const std::string& host) const {
    std::vector<std::string> events;
    for (const Arrival& arrival : arrivals_at(host)) events.push_back(arrival.event);
    return events;
  }

  asio::io_context context;
  ManualClock clock{context};
  Log log{Log::Level::kOff};
  IdGenerator ids{clock, /*seed=*/1};
  const std::filesystem::path folder = make_folder();
  crypto::SecretBox secret_box =
      crypto::SecretBox::create(Bytes(crypto::SecretBox::kKeyBytes, 7)).value();
  intake::Acceptance acceptance{built_in_dialects(), ids};
  std::unique_ptr<store::Database> database;
  std::vector<std::unique_ptr<Node>> nodes;
  model::WorkspaceId workspace;

  std::vector<Arrival> arrivals;
  std::map<std::string, int> in_flight;
  std::map<std::string, int> in_flight_seen;  // The most at one time.
  std::map<std::string, std::function<Result<net::ClientResponse>()>> answers;
  std::set<std::string> held_hosts;
  std::optional<std::size_t> hold_after;  // Arrivals.
  std::vector<std::pair<std::string, asio::steady_timer*>> held;
};

// --- The way of a delivery ----------------------------------------------------------------------

TEST_F(DispatcherTest, SendsWhatIsHandedOverAtOnceAndWithoutAClaim) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  Node& node = add_node();
  const std::uint64_t units = database->counters().units;

  const auto events = publish(node);

  EXPECT_EQ(database->counters().units - units, 2u) << "accepted, and its outcome recorded";
  EXPECT_EQ(events_at("a.example"), events);
  const auto rows = deliveries(endpoint);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].state, DeliveryState::kSucceeded);
  EXPECT_EQ(rows[0].attempts_made, 1);
  EXPECT_EQ(rows[0].finished_at, clock.now());
  const auto tries = attempts(rows[0]);
  ASSERT_EQ(tries.size(), 1u);
  EXPECT_EQ(tries[0].number, 1);
  EXPECT_EQ(tries[0].status_code, 200);
}

TEST_F(DispatcherTest, TriesAgainByTheScheduleAndThenDropsIt) {
  const model::Endpoint endpoint = add_endpoint("a.example", retrying({1min, 5min, 30min}));
  answers["a.example"] = [] { return status(500); };
  Node& node = add_node();

  publish(node);
  clock.run_for(5h);

  const auto tries = arrivals_at("a.example");
  ASSERT_EQ(tries.size(), 4u);
  for (const auto& [index, listed] : {std::pair(1u, 60s), {2u, 300s}, {3u, 1800s}}) {
    const auto waited = tries[index].at - tries[index - 1].at;
    EXPECT_GE(waited, listed * 9 / 10) << "before attempt " << index + 1;
    EXPECT_LE(waited, listed * 11 / 10) << "before attempt " << index + 1;
  }
  const auto rows = deliveries(endpoint);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].state, DeliveryState::kDropped);
  EXPECT_EQ(rows[0].due_at, std::nullopt);
  EXPECT_EQ(attempts(rows[0]).size(), 4u);
  for (const Arrival& arrival : tries) EXPECT_EQ(arrival.event, tries[0].event);
}

TEST_F(DispatcherTest, SucceedsOnALaterAttempt) {
  const model::Endpoint endpoint = add_endpoint("a.example", retrying({1min, 5min}));
  answers["a.example"] = [this] { return status(arrivals.size() < 2 ? 503 : 200); };
  Node& node = add_node();

  publish(node);
  EXPECT_EQ(deliveries(endpoint)[0].state, DeliveryState::kRetrying);
  clock.run_for(2min);

  EXPECT_EQ(deliveries(endpoint)[0].state, DeliveryState::kSucceeded);
  EXPECT_EQ(arrivals.size(), 2u);
  EXPECT_EQ(stored(endpoint).consecutive_failures, 0);
}

TEST_F(DispatcherTest, RetryAfterLengthensAWaitToAtMostTwiceTheListedOne) {
  struct Case {
    const char* asked;
    std::chrono::seconds low, high;
  };
  for (const Case& c : {Case{"10", 54s, 66s}, Case{"90", 90s, 99s}, Case{"86400", 120s, 132s}}) {
    const std::string host = std::string("asks-") + c.asked + ".example";
    const auto owner = add_workspace(std::string("asks-") + c.asked);
    const model::Endpoint endpoint = add_endpoint(owner, host, retrying({1min}));
    answers[host] = [&c] { return status(503, {{"Retry-After", c.asked}}); };
    owe(endpoint, 1);
    Node& node = add_node();
    clock.run_for(10min);

    const auto tries = arrivals_at(host);
    ASSERT_EQ(tries.size(), 2u) << c.asked;
    EXPECT_GE(tries[1].at - tries[0].at, c.low) << c.asked;
    EXPECT_LE(tries[1].at - tries[0].at, c.high) << c.asked;
    begin_stop(node);
  }
}

TEST_F(DispatcherTest, MakesAManualRetryWithTheWholeScheduleAhead) {
  const model::Endpoint endpoint = add_endpoint("a.example", retrying({1min}));
  answers["a.example"] = [] { return status(500); };
  Node& node = add_node();
  publish(node);
  clock.run_for(10min);
  const auto dropped = deliveries(endpoint, DeliveryState::kDropped);
  ASSERT_EQ(dropped.size(), 1u);

  in_store([&](store::Connection& c) {
    return store::deliveries::retry(c, workspace, dropped[0].id, clock.now());
  });
  node.dispatcher.wake(workspace, endpoint.id, clock.now());
  clock.run_for(10min);

  EXPECT_EQ(arrivals.size(), 4u);
  EXPECT_EQ(attempts(dropped[0]).back().number, 4);
  EXPECT_EQ(deliveries(endpoint)[0].state, DeliveryState::kDropped);
}

TEST_F(DispatcherTest, CountsWhatItDoes) {
  add_endpoint("good.example");
  add_endpoint("bad.example");
  add_endpoint("slow.example", with(&model::EndpointOverrides::in_flight_max, 1));
  answers["bad.example"] = [] { return status(500); };
  held_hosts = {"slow.example"};
  Node& node = add_node();

  publish(node, 3);

  const DispatcherCounters counters = node.dispatcher.counters();
  EXPECT_EQ(counters.attempts, 6u);
  EXPECT_EQ(counters.succeeded, 3u);
  EXPECT_EQ(counters.failed, 3u);
  EXPECT_EQ(counters.in_flight, 1u);
  EXPECT_EQ(counters.ready, 2u);
}

// --- Promise 1: everything due is attempted
// -------------------------------------------------------

TEST_F(DispatcherTest, FindsAtItsStartWhatIsOwed) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  owe(endpoint, 20);
  add_node();
  EXPECT_EQ(arrivals.size(), 20u);
}

TEST_F(DispatcherTest, FindsSoonWhatNobodyToldItOf) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  add_node();
  owe(endpoint, 3);
  clock.run_for(29s);
  EXPECT_EQ(arrivals.size(), 0u);
  clock.run_for(2s);
  EXPECT_EQ(arrivals.size(), 3u);
}

TEST_F(DispatcherTest, TakesBackAtItsStartWhatItHeldInItsFormerLife) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  held_hosts = {"a.example"};
  const DispatcherOptions same = options();
  Node& former = add_node(same);
  const auto events = publish(former);
  begin_stop(former);  // It never comes back from its send: as good as dead.
  settle();
  held_hosts.clear();

  add_node(same);

  EXPECT_EQ(events_at("a.example"), (std::vector{events[0], events[0]}));
  EXPECT_EQ(deliveries(endpoint)[0].state, DeliveryState::kSucceeded);
}

TEST_F(DispatcherTest, GivesBackWhatItHasNotSentWhenItStops) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  held_hosts = {"a.example"};
  Node& node = add_node();
  publish(node, 50);
  ASSERT_EQ(arrivals.size(), 32u);

  begin_stop(node);
  settle();
  EXPECT_FALSE(*node.stopped) << "32 are on their way";
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kPending).size(), 18u);
  release_all();
  EXPECT_TRUE(*node.stopped);
  EXPECT_EQ(arrivals.size(), 32u);
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kSucceeded).size(), 32u);

  add_node();  // Another one has them at once.
  EXPECT_EQ(arrivals.size(), 50u);
}

TEST_F(DispatcherTest, GivesBackWhatIsHandedOverWhileItStops) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  held_hosts = {"a.example"};
  Node& node = add_node();
  publish(node, 1);
  begin_stop(node);
  publish(node, 1);
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kPending).size(), 1u);
  release_all();
  EXPECT_TRUE(*node.stopped);
}

TEST_F(DispatcherTest, MakesAnAttemptThatMayTakeLongerThanTheUsualLease) {
  add_endpoint("a.example", with(&model::EndpointOverrides::timeout, 10min));
  Node& node = add_node();
  publish(node, 3);
  EXPECT_EQ(arrivals.size(), 3u);
}

// --- Promise 2: while a lease lasts, nobody else attempts it
// --------------------------------------

TEST_F(DispatcherTest, AnotherNodeWaitsForTheEndOfALeaseAndTheLateOutcomeWritesNothing) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  held_hosts = {"a.example"};
  Node& first = add_node();
  publish(first);
  begin_stop(first);
  held_hosts.clear();
  const Timestamp leased_at = clock.now();

  add_node();
  clock.run_until(leased_at + 119s);
  EXPECT_EQ(arrivals.size(), 1u);
  clock.run_until(leased_at + 121s);
  ASSERT_EQ(arrivals.size(), 2u);
  EXPECT_EQ(arrivals[1].at, leased_at + 120s);
  EXPECT_EQ(arrivals[0].event, arrivals[1].event);

  answers["a.example"] = [] { return status(500); };
  release_all();
  EXPECT_TRUE(*first.stopped);
  const auto rows = deliveries(endpoint);
  EXPECT_EQ(rows[0].state, DeliveryState::kSucceeded);
  const auto tries = attempts(rows[0]);
  ASSERT_EQ(tries.size(), 1u);
  EXPECT_EQ(tries[0].status_code, 200);
  EXPECT_EQ(stored(endpoint).consecutive_failures, 0);
}

TEST_F(DispatcherTest, WhatWaitsLongerThanItsLeaseIsStillSentOnce) {
  add_endpoint("a.example", with(&model::EndpointOverrides::rate_per_second, 1));
  Node& node = add_node();
  add_node();  // Would take what is not held.
  auto events = publish(node, 200);
  clock.run_for(10min);
  auto seen = events_at("a.example");
  std::ranges::sort(seen);
  EXPECT_EQ(seen, events);
}

// --- Promise 3: nobody is delayed by somebody else
// -------------------------------------------------

TEST_F(DispatcherTest, AFloodOfOneWorkspaceDelaysNoOther) {
  const model::Endpoint flood = add_endpoint("flood.example");
  const model::Endpoint small = add_endpoint(add_workspace("small"), "small.example");
  owe(flood, 10'000);
  owe(small, 10);
  DispatcherOptions narrow = options();
  narrow.in_flight_max = 2;
  held_hosts = {"flood.example", "small.example"};
  add_node(narrow);
  hold_after = 40;
  release_all();

  ASSERT_GE(arrivals.size(), 40u);
  arrivals.resize(25);
  EXPECT_EQ(arrivals_at("small.example").size(), 10u);
}

TEST_F(DispatcherTest, ASlowEndpointDelaysNoOtherAndHasNoMoreThanItsCapInFlight) {
  const model::Endpoint slow = add_endpoint("slow.example");
  const model::Endpoint narrow =
      add_endpoint("narrow.example", with(&model::EndpointOverrides::in_flight_max, 2));
  const model::Endpoint healthy = add_endpoint("healthy.example");
  held_hosts = {"slow.example", "narrow.example"};
  Node& node = add_node();

  publish(node, 100);

  EXPECT_EQ(deliveries(healthy, DeliveryState::kSucceeded).size(), 100u);
  EXPECT_EQ(in_flight["slow.example"], 32);
  EXPECT_EQ(in_flight["narrow.example"], 2);
  release_all();
  EXPECT_EQ(in_flight_seen["slow.example"], 32);
  EXPECT_EQ(in_flight_seen["narrow.example"], 2);
  EXPECT_EQ(deliveries(slow, DeliveryState::kSucceeded).size(), 100u);
  EXPECT_EQ(deliveries(narrow, DeliveryState::kSucceeded).size(), 100u);
}

TEST_F(DispatcherTest, AnEndpointThatHasJustFailedHasFewInFlight) {
  add_endpoint("a.example");
  answers["a.example"] = [] { return status(500); };
  Node& node = add_node();
  publish(node);
  held_hosts = {"a.example"};

  publish(node, 20);
  EXPECT_EQ(in_flight["a.example"], 4);
  answers.clear();
  release_all();
  EXPECT_EQ(arrivals.size(), 21u);
}

TEST_F(DispatcherTest, StartsNoMoreThanTheRateAllows) {
  add_endpoint("a.example", with(&model::EndpointOverrides::rate_per_second, 2));
  Node& node = add_node();
  publish(node, 6);
  clock.run_for(10s);
  ASSERT_EQ(arrivals.size(), 6u);
  publish(node);  // Nothing has been waiting meanwhile: the rate holds all the same.
  publish(node);
  clock.run_for(10s);
  ASSERT_EQ(arrivals.size(), 8u);
  for (std::size_t i = 1; i < arrivals.size(); ++i) {
    EXPECT_GE(arrivals[i].at - arrivals[i - 1].at, 500ms) << i;
  }
  EXPECT_EQ(arrivals[5].at - arrivals[0].at, 2500ms);
}

TEST_F(DispatcherTest, KeepsAFewInMemoryAndTheRestInTheStoreAndSendsEachOnce) {
  add_endpoint("a.example");
  held_hosts = {"a.example"};
  Node& node = add_node();
  const auto events = publish(node, 1'000);
  // The last one was being accepted while the memory became full.
  EXPECT_LE(node.dispatcher.counters().ready, Dispatcher::kReadyMax + 1);
  EXPECT_EQ(arrivals.size(), 32u);

  release_all();

  EXPECT_EQ(node.dispatcher.counters().ready, 0u);
  auto seen = events_at("a.example");
  std::ranges::sort(seen);
  EXPECT_EQ(seen, events);
}

TEST_F(DispatcherTest, ADeliveryThatCannotBeRenderedHoldsUpNothing) {
  add_endpoint("a.example");
  const model::Endpoint endpoint = add_endpoint("never.example", {}, "proculink");
  model::Event event = new_event(workspace);
  event.type = "stock.changed";  // Nothing that ProcuLink knows.
  Node& node = add_node();
  for (int i = 0; i < 300; ++i) {
    const intake::LeaseTerms terms = node.dispatcher.lease_terms();
    event.id = ids.next_id<model::EventId>();
    node.dispatcher.hand_over(in_store([&](store::Connection& c) {
      return acceptance.accept_for(c, event, endpoint.id, terms, clock.now());
    }));
  }
  settle();
  EXPECT_EQ(arrivals.size(), 0u);
  EXPECT_EQ(stored(endpoint).state, EndpointState::kDeactivated);
  publish(node);
  EXPECT_EQ(arrivals_at("a.example").size(), 1u);
}

// --- Promise 4: nothing is sent to an endpoint that is not active
// ---------------------------------

TEST_F(DispatcherTest, A410DropsTheDeliveryAndDeactivatesTheEndpoint) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  answers["a.example"] = [] { return status(410); };
  Node& node = add_node();

  publish(node);
  publish(node);
  clock.run_for(1h);

  EXPECT_EQ(arrivals.size(), 1u);
  EXPECT_EQ(stored(endpoint).state, EndpointState::kDeactivated);
  EXPECT_NE(stored(endpoint).state_reason, "");
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kDropped).size(), 1u);
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kPending).size(), 1u) << "it keeps collecting";
}

TEST_F(DispatcherTest, ThreeFailuresInARowDeactivateAndAResumeSendsWhatWasHeldOldestFirst) {
  const model::Endpoint endpoint = add_endpoint("a.example", {}, "proculink");
  answers["a.example"] = [] { return status(500); };
  Node& node = add_node();
  publish(node, 3);
  EXPECT_EQ(arrivals.size(), 3u);
  EXPECT_EQ(stored(endpoint).state, EndpointState::kDeactivated);
  publish(node, 5);
  const std::uint64_t units = database->counters().units;

  clock.run_for(1h);
  EXPECT_EQ(arrivals.size(), 3u);
  EXPECT_LT(database->counters().units - units, 200u) << "nor does it ask the store all the time";

  answers.clear();
  arrivals.clear();
  set_state(node, endpoint, EndpointState::kActive);
  const auto seen = events_at("a.example");
  EXPECT_EQ(seen.size(), 8u);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kSucceeded).size(), 8u);
}

TEST_F(DispatcherTest, ASuccessResetsTheFailuresInARow) {
  const model::Endpoint endpoint = add_endpoint("a.example", {}, "proculink");
  Node& node = add_node();
  for (const int code : {500, 500, 200, 500, 500}) {
    answers["a.example"] = [code] { return status(code); };
    publish(node);
  }
  EXPECT_EQ(stored(endpoint).state, EndpointState::kActive);
  EXPECT_EQ(stored(endpoint).consecutive_failures, 2);
  publish(node);
  EXPECT_EQ(stored(endpoint).state, EndpointState::kDeactivated);
}

TEST_F(DispatcherTest, OneDeliveryWhoseEveryTryFailsDeactivatesAProcuLinkEndpoint) {
  const model::Endpoint endpoint = add_endpoint("a.example", {}, "proculink");
  answers["a.example"] = [] { return status(500); };
  Node& node = add_node();
  publish(node);
  clock.run_for(1h);
  EXPECT_EQ(arrivals.size(), 3u);
  EXPECT_EQ(deliveries(endpoint)[0].state, DeliveryState::kDropped);
  EXPECT_EQ(stored(endpoint).state, EndpointState::kDeactivated);
}

TEST_F(DispatcherTest, APauseHoldsWhatWaitsInMemoryAndAResumeSendsIt) {
  const model::Endpoint endpoint =
      add_endpoint("a.example", with(&model::EndpointOverrides::in_flight_max, 1));
  held_hosts = {"a.example"};
  Node& node = add_node();
  publish(node, 5);

  set_state(node, endpoint, EndpointState::kPaused);
  publish(node, 2);
  release_all();
  clock.run_for(1h);
  EXPECT_EQ(arrivals.size(), 1u) << "on its way already";
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kPending).size(), 6u);

  set_state(node, endpoint, EndpointState::kActive);
  EXPECT_EQ(arrivals.size(), 7u);
}

TEST_F(DispatcherTest, ARetryThatFallsDueDuringAPauseWaitsForTheResume) {
  const model::Endpoint endpoint = add_endpoint("a.example", retrying({1min}));
  answers["a.example"] = [] { return status(500); };
  Node& node = add_node();
  publish(node);
  set_state(node, endpoint, EndpointState::kPaused);
  clock.run_for(1h);
  EXPECT_EQ(arrivals.size(), 1u);
  set_state(node, endpoint, EndpointState::kActive);
  EXPECT_EQ(arrivals.size(), 2u);
}

TEST_F(DispatcherTest, WhatWasAcceptedBeforeAPauseAndHandedOverAfterItIsHeld) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  Node& node = add_node();
  intake::Accepted first = accept(node), second = accept(node);
  set_state(node, endpoint, EndpointState::kPaused);

  hand_over(node, std::move(first));
  settle();
  hand_over(node, std::move(second));  // By now it is known here that it is paused.
  settle();

  EXPECT_EQ(arrivals.size(), 0u);
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kPending).size(), 2u);
}

TEST_F(DispatcherTest, DeletionCancelsWhatWaitsInTheStoreAndInMemory) {
  const model::Endpoint endpoint =
      add_endpoint("a.example", with(&model::EndpointOverrides::in_flight_max, 1));
  Node& node = add_node();
  answers["a.example"] = [] { return status(500); };
  publish(node);  // Waits in the store for its retry.
  held_hosts = {"a.example"};
  publish(node, 3);

  set_state(node, endpoint, EndpointState::kDeleted);
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kCancelled).size(), 3u);
  release_all();  // Fails, and is not tried again.
  clock.run_for(1h);

  EXPECT_EQ(arrivals.size(), 2u);
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kCancelled).size(), 4u);
}

// The deletion cannot cancel what is leased, and left it to whoever held it. If that one died, or
// its outcome could not be recorded, the delivery stayed "delivering" for ever: only active
// endpoints were asked for what is due. Found by the simulation, seed 36.
TEST_F(DispatcherTest, DeletionCancelsWhatNobodyFinishesOnceItsLeaseIsOver) {
  Node& node = add_node();
  const model::Endpoint endpoint = add_endpoint("shop.test");
  const model::Event event = new_event(workspace);
  const store::deliveries::Lease dead{ids.next(), clock.now() + 120s};
  in_store([&](store::Connection& c) {
    return acceptance.accept(c, event, {dead, nullptr, false}, clock.now());
  });
  set_state(node, endpoint, EndpointState::kDeleted);
  ASSERT_EQ(deliveries(endpoint, DeliveryState::kDelivering).size(), 1u);

  clock.run_until(dead.until + options().poll);
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kCancelled).size(), 1u);
  EXPECT_TRUE(arrivals.empty());
}

TEST_F(DispatcherTest, SendsToTheNewAddressAfterAChange) {
  const model::Endpoint endpoint = add_endpoint("old.example");
  Node& node = add_node();
  publish(node);
  in_store([&](store::Connection& c) {
    model::Endpoint changed = endpoint;
    changed.url = "https://new.example/hook";
    return store::endpoints::update(c, changed);
  });
  node.dispatcher.endpoint_changed(workspace, endpoint.id);
  publish(node);
  EXPECT_EQ(arrivals_at("old.example").size(), 1u);
  EXPECT_EQ(arrivals_at("new.example").size(), 1u);
}

// --- Promise 5: at least once
// ---------------------------------------------------------------------

TEST_F(DispatcherTest, MakesADeliveryAgainIfItsOutcomeCannotBeRecorded) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  Node& node = add_node();
  in_store([](store::Connection& c) {
    return c.run_script(
        "CREATE TRIGGER no_attempts BEFORE INSERT ON attempts BEGIN "
        "SELECT RAISE(ABORT, 'the test wants this to fail'); END");
  });
  const auto events = publish(node);
  EXPECT_EQ(arrivals.size(), 1u);
  EXPECT_EQ(deliveries(endpoint)[0].state, DeliveryState::kDelivering);
  in_store([](store::Connection& c) { return c.run_script("DROP TRIGGER no_attempts"); });

  clock.run_for(3min);

  EXPECT_EQ(events_at("a.example"), (std::vector{events[0], events[0]}));
  const auto rows = deliveries(endpoint);
  EXPECT_EQ(rows[0].state, DeliveryState::kSucceeded);
  const auto tries = attempts(rows[0]);
  ASSERT_EQ(tries.size(), 1u);
  EXPECT_EQ(tries[0].number, 1);
}

}  // namespace
}  // namespace waybill::delivery
