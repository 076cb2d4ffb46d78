#include "delivery/dispatcher_fixture.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "store/sqlite/sqlite_driver.h"
#include "store/workspaces.h"

namespace waybill::delivery {

const dialect::DialectRegistry& built_in_dialects() {
  static const auto registry = dialect::DialectRegistry::load({});
  WAYBILL_CHECK(registry.has_value(), registry.error().message);
  return *registry;
}

DispatcherTest::DispatcherTest() {
  auto sqlite = std::make_unique<store::SqliteDriver>(folder / "waybill.db");
  auto opened = store::Database::open(
      context, log, std::make_unique<store::BusDriver>(std::move(sqlite), bus), clock.now());
  WAYBILL_CHECK(opened.has_value(), opened.error().message);
  database = *std::move(opened);
  clock.set_settle([this] { settle(); });
  workspace = add_workspace("acme");
}

DispatcherTest::~DispatcherTest() {
  hold_after.reset();
  release_all();
  for (auto& node : nodes) {
    if (!node->stopped) begin_stop(*node);
  }
  settle();
  for (auto& node : nodes) EXPECT_TRUE(*node->stopped);
  nodes.clear();
  database.reset();
}

void DispatcherTest::settle() {
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

DispatcherTest::Node& DispatcherTest::add_node(DispatcherOptions made) {
  nodes.push_back(std::make_unique<Node>(*this, made));
  const auto started = run(nodes.back()->dispatcher.start());
  WAYBILL_CHECK(started.has_value(), started.error().message);
  return *nodes.back();
}

model::WorkspaceId DispatcherTest::add_workspace(std::string slug) {
  model::Workspace made;
  made.id = ids.next_id<model::WorkspaceId>();
  made.slug = made.name = std::move(slug);
  made.created_at = clock.now();
  in_store([&](store::Connection& c) { return store::workspaces::insert(c, made); });
  return made.id;
}

model::Endpoint DispatcherTest::add_endpoint(const model::WorkspaceId& owner,
                                             const std::string& host,
                                             model::EndpointOverrides overrides,
                                             std::string dialect) {
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

void DispatcherTest::set_state(Node& node, const model::Endpoint& endpoint, EndpointState state) {
  in_store([&](store::Connection& c) -> Result<void> {
    auto found = store::endpoints::find(c, endpoint.workspace_id, endpoint.id);
    if (!found) return fail(found.error());
    found->state = state;
    found->consecutive_failures = 0;
    WAYBILL_TRY(store::endpoints::update(c, *found));
    if (state != EndpointState::kDeleted) return {};
    WAYBILL_TRY(store::deliveries::cancel_waiting(c, found->workspace_id, found->id, clock.now()));
    return {};
  });
  node.dispatcher.endpoint_changed(endpoint.workspace_id, endpoint.id);
  if (state == EndpointState::kActive) {
    node.dispatcher.wake(endpoint.workspace_id, endpoint.id, clock.now());
  }
  settle();
}

model::Event DispatcherTest::new_event(const model::WorkspaceId& owner) {
  model::Event event;
  event.id = ids.next_id<model::EventId>();
  event.workspace_id = owner;
  event.type = model::kOrderCreated;
  event.occurred_at = clock.now();
  event.data = R"({"status":"needs_review"})";
  return event;
}

intake::Accepted DispatcherTest::accept(Node& node) {
  const intake::LeaseTerms terms = node.dispatcher.lease_terms();
  const model::Event event = new_event(workspace);
  return in_store(
      [&](store::Connection& c) { return acceptance.accept(c, event, terms, clock.now()); });
}

std::vector<std::string> DispatcherTest::publish(Node& node, int count) {
  std::vector<std::string> sent;
  for (int i = 0; i < count; ++i) {
    intake::Accepted accepted = accept(node);
    sent.push_back(accepted.event->id.text());
    hand_over(node, std::move(accepted));
  }
  settle();
  return sent;
}

void DispatcherTest::owe(const model::Endpoint& endpoint, int count) {
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

std::vector<model::Delivery> DispatcherTest::deliveries(const model::Endpoint& endpoint,
                                                        std::optional<DeliveryState> state) {
  store::deliveries::Filter filter;
  filter.endpoint = endpoint.id;
  filter.state = state;
  return in_store([&](store::Connection& c) {
           return store::deliveries::list(c, endpoint.workspace_id, filter, {200, std::nullopt});
         })
      .rows;
}

Task<Result<net::ClientResponse>> DispatcherTest::receive(net::ClientRequest request) {
  const std::string host = request.url.host;
  const std::string* id = net::find_header(request.headers, "webhook-id");
  arrivals.push_back({clock.now(), host, id ? *id : request.body.substr(7, 36), request.headers});
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

}  // namespace waybill::delivery
