// What the tests of the dispatcher share: a database, a clock that the test moves, receivers that
// it programs, and dispatchers on top.

#pragma once

#include <algorithm>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/manual_clock.h"
#include "base/temporary_folder.h"
#include "delivery/dispatcher.h"
#include "delivery/webhook_channel.h"
#include "store/bus_driver.h"
#include "store/deliveries.h"
#include "store/endpoints.h"
#include "store/events.h"

namespace waybill::delivery {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using model::DeliveryState;
using model::EndpointState;

const dialect::DialectRegistry& built_in_dialects();

inline net::ClientResponse status(int code, std::vector<net::Header> headers = {}) {
  net::ClientResponse response;
  response.status = code;
  response.headers = std::move(headers);
  return response;
}

inline model::EndpointOverrides retrying(std::vector<model::RetrySchedule::Delay> delays) {
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
          channels(test.with_handlers(channel)),
          dispatcher(test.context, test.clock, test.log, *test.database, endpoints, channels,
                     test.alerts, Rng(1), options) {}
    EndpointDirectory endpoints;
    WebhookChannel channel;
    Channels channels;
    Dispatcher dispatcher;
    std::shared_ptr<bool> stopped;  // Set once stop() was called; true once it returned.
  };

  struct Arrival {
    Timestamp at;
    std::string host;
    std::string event;  // "evt_…"
    std::vector<net::Header> headers = {};
  };

  DispatcherTest();
  ~DispatcherTest() override;

  // Those of a node, with what the test has put among `handlers`.
  Channels with_handlers(Channel& webhooks) const {
    Channels made(webhooks);
    for (const auto& [kind, channel] : handlers) made.add(kind, *channel);
    return made;
  }

  // Runs until there is nothing left to do at this time of the clock.
  void settle();

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
  Node& add_node(DispatcherOptions made);
  void begin_stop(Node& node) {
    node.stopped = std::make_shared<bool>(false);
    asio::co_spawn(context, node.dispatcher.stop(),
                   [stopped = node.stopped](std::exception_ptr) { *stopped = true; });
  }

  model::WorkspaceId add_workspace(std::string slug);
  model::Endpoint add_endpoint(const std::string& host, model::EndpointOverrides overrides = {},
                               std::string dialect = "standard-webhooks") {
    return add_endpoint(workspace, host, std::move(overrides), std::move(dialect));
  }
  model::Endpoint add_endpoint(const model::WorkspaceId& owner, const std::string& host,
                               model::EndpointOverrides overrides = {},
                               std::string dialect = "standard-webhooks");
  model::Endpoint stored(const model::Endpoint& endpoint) {
    return in_store([&](store::Connection& c) {
      return store::endpoints::find(c, endpoint.workspace_id, endpoint.id);
    });
  }
  // As the management API changes it.
  void set_state(Node& node, const model::Endpoint& endpoint, EndpointState state);

  model::Event new_event(const model::WorkspaceId& owner);
  intake::Accepted accept(Node& node);
  // On the context's own thread, as a surface does it.
  void hand_over(Node& node, intake::Accepted accepted) {
    asio::post(context, [&node, accepted = std::move(accepted)]() mutable {
      node.dispatcher.hand_over(std::move(accepted));
    });
  }
  // Publishes `count` events, one after the other. Returns their ids as they are sent.
  std::vector<std::string> publish(Node& node, int count = 1);
  // Writes one event, and that it is owed `count` times.
  void owe(const model::Endpoint& endpoint, int count);

  // Newest first, at most 200.
  std::vector<model::Delivery> deliveries(const model::Endpoint& endpoint,
                                          std::optional<DeliveryState> state = std::nullopt);
  std::vector<model::Attempt> attempts(const model::Delivery& delivery) {
    return in_store([&](store::Connection& c) {
      return store::deliveries::attempts(c, delivery.workspace_id, delivery.id);
    });
  }

  Task<Result<net::ClientResponse>> receive(net::ClientRequest request);
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
  const TemporaryFolder folder;
  crypto::SecretBox secret_box =
      crypto::SecretBox::create(Bytes(crypto::SecretBox::kKeyBytes, 7)).value();
  intake::Acceptance acceptance{built_in_dialects(), ids};
  const Alerts alerts{acceptance, ids};
  // What is said to other nodes.
  const std::shared_ptr<store::Bus> bus = std::make_shared<store::Bus>();
  std::unique_ptr<store::Database> database;
  std::vector<std::unique_ptr<Node>> nodes;
  model::WorkspaceId workspace;

  std::map<model::Channel, Channel*> handlers;
  std::vector<Arrival> arrivals;
  std::map<std::string, int> in_flight;
  std::map<std::string, int> in_flight_seen;  // The most at one time.
  std::map<std::string, std::function<Result<net::ClientResponse>()>> answers;
  std::set<std::string> held_hosts;
  std::optional<std::size_t> hold_after;  // Arrivals.
  std::vector<std::pair<std::string, asio::steady_timer*>> held;
};

}  // namespace waybill::delivery
