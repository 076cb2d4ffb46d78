// Two nodes on one database, in one process: what is changed on one, the other acts on.

#include "app/change_feed.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/manual_clock.h"
#include "base/temporary_folder.h"
#include "delivery/webhook_channel.h"
#include "store/api_keys.h"
#include "store/bus_driver.h"
#include "store/changes.h"
#include "store/deliveries.h"
#include "store/endpoints.h"
#include "store/events.h"
#include "store/sqlite/sqlite_driver.h"
#include "store/workspaces.h"

namespace waybill::app {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using model::EndpointState;

const dialect::DialectRegistry& built_in_dialects() {
  static const auto registry = dialect::DialectRegistry::load({});
  WAYBILL_CHECK(registry.has_value(), registry.error().message);
  return *registry;
}

class ChangeFeedTest : public testing::Test {
 protected:
  struct Node {
    Node(ChangeFeedTest& test, std::unique_ptr<store::Driver> driver)
        : id(test.ids.next()),
          database(
              store::Database::open(test.context, test.log, std::move(driver), test.clock.now())
                  .value()),
          endpoints(*database, built_in_dialects(), test.secret_box),
          channel(test.clock, [this](net::ClientRequest) { return receive(); }),
          channels(channel),
          dispatcher(test.context, test.clock, test.log, *database, endpoints, channels,
                     test.alerts, Rng(1), {.node = id}),
          keys(*database, test.clock, test.secret_box),
          sources(*database, built_in_dialects(), test.secret_box, test.log),
          feed(test.context, test.log, *database, id, keys, sources, dispatcher) {}

    Task<Result<net::ClientResponse>> receive() {
      ++sent;
      net::ClientResponse response;
      response.status = 200;
      co_return response;
    }

    const Uuid id;
    int sent = 0;
    std::unique_ptr<store::Database> database;
    delivery::EndpointDirectory endpoints;
    delivery::WebhookChannel channel;
    delivery::Channels channels;
    delivery::Dispatcher dispatcher;
    surfaces::KeyDirectory keys;
    surfaces::SourceDirectory sources;
    ChangeFeed feed;
  };

  ChangeFeedTest() {
    clock.set_settle([this] { settle(); });
    one = add_node(std::make_unique<store::BusDriver>(sqlite(), bus));
    two = add_node(std::make_unique<store::BusDriver>(sqlite(), bus));
    model::Workspace made;
    made.id = workspace = ids.next_id<model::WorkspaceId>();
    made.slug = made.name = "acme";
    write(*one, [&](store::Connection& c) { return store::workspaces::insert(c, made); });
  }
  ~ChangeFeedTest() override {
    for (auto& node : nodes) {
      node->feed.stop();
      run([](delivery::Dispatcher& dispatcher) -> Task<bool> {
        co_await dispatcher.stop();
        co_return true;
      }(node->dispatcher));
    }
    nodes.clear();
  }

  std::unique_ptr<store::Driver> sqlite() const {
    return std::make_unique<store::SqliteDriver>(folder / "waybill.db");
  }
  Node* add_node(std::unique_ptr<store::Driver> driver) {
    Node& node = *nodes.emplace_back(std::make_unique<Node>(*this, std::move(driver)));
    node.feed.start();
    EXPECT_TRUE(run(node.dispatcher.start()));
    return &node;
  }

  void settle() {
    for (;;) {
      context.restart();
      const std::size_t ran = context.poll();
      const bool busy = std::ranges::any_of(
          nodes, [](const auto& node) { return node->database->unanswered() > 0; });
      if (busy) {
        context.restart();
        context.run_one();
      } else if (ran == 0) {
        return;
      }
    }
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
  template <class Unit>
  void write(Node& node, Unit unit) {
    const auto done = run(node.database->run(std::move(unit)));
    WAYBILL_CHECK(done.has_value(), done.error().message);
  }

  // A new key: its id and its text.
  model::ApiKeyId add_key(Secret& text) {
    text = model::new_key_text(model::KeyPlatform::kProcuLink);
    model::ApiKey key;
    key.id = ids.next_id<model::ApiKeyId>();
    key.workspace_id = workspace;
    key.platform = model::KeyPlatform::kProcuLink;
    key.hash = model::key_hash(text.reveal());
    key.created_at = clock.now();
    write(*one, [&](store::Connection& c) { return store::api_keys::insert(c, key); });
    return key.id;
  }
  bool works(Node& node, const Secret& text) {
    const net::Request request;
    return run(node.keys.find(request, text.reveal(), model::KeyPlatform::kProcuLink)).has_value();
  }
  void revoke(Node& node, const model::ApiKeyId& key) {
    write(node, [&](store::Connection& c) {
      return store::api_keys::revoke(c, workspace, key, clock.now());
    });
  }

  model::Endpoint add_endpoint() {
    model::Endpoint made;
    made.id = ids.next_id<model::EndpointId>();
    made.workspace_id = workspace;
    made.dialect = "standard-webhooks";
    made.url = "https://a.example/hook";
    made.event_types = {"*"};
    made.overrides.rate_per_second = 10;
    made.created_at = made.updated_at = clock.now();
    write(*one, [&](store::Connection& c) { return store::endpoints::insert(c, made); });
    return made;
  }
  void owe(const model::Endpoint& endpoint, int count) {
    write(*one, [&](store::Connection& c) -> Result<void> {
      model::Event event;
      event.id = ids.next_id<model::EventId>();
      event.workspace_id = workspace;
      event.type = model::kOrderCreated;
      event.occurred_at = clock.now();
      event.data = R"({"status":"needs_review"})";
      WAYBILL_TRY(store::events::insert(c, {event, 1, std::nullopt}));
      for (int i = 0; i < count; ++i) {
        model::Delivery delivery;
        delivery.id = ids.next_id<model::DeliveryId>();
        delivery.workspace_id = workspace;
        delivery.event_id = event.id;
        delivery.endpoint_id = endpoint.id;
        delivery.event_type = event.type;
        delivery.due_at = delivery.created_at = clock.now();
        WAYBILL_TRY(store::deliveries::insert(c, delivery, std::nullopt));
      }
      return {};
    });
  }
  void set_state(Node& node, model::Endpoint endpoint, EndpointState state) {
    endpoint.state = state;
    write(node, [&](store::Connection& c) { return store::endpoints::update(c, endpoint); });
  }

  asio::io_context context;
  ManualClock clock{context};
  Log log{Log::Level::kOff};
  IdGenerator ids{clock, /*seed=*/1};
  const intake::Acceptance acceptance{built_in_dialects(), ids};
  const delivery::Alerts alerts{acceptance, ids};
  const TemporaryFolder folder;
  crypto::SecretBox secret_box =
      crypto::SecretBox::create(Bytes(crypto::SecretBox::kKeyBytes, 7)).value();
  const std::shared_ptr<store::Bus> bus = std::make_shared<store::Bus>();
  std::vector<std::unique_ptr<Node>> nodes;
  Node* one = nullptr;
  Node* two = nullptr;
  model::WorkspaceId workspace;
};

TEST_F(ChangeFeedTest, AKeyRevokedOnOneNodeWorksOnNone) {
  Secret text;
  const auto key = add_key(text);
  ASSERT_TRUE(works(*one, text) && works(*two, text));
  revoke(*one, key);
  EXPECT_FALSE(works(*two, text));
  EXPECT_FALSE(works(*one, text));
}

// What comes from WooCommerce names no key: each node tries all of them.
TEST_F(ChangeFeedTest, AKeyOfWooCommerceMadeOnOneNodeIsKnownToAll) {
  const auto known = [&](Node& node) { return run(node.keys.woocommerce_keys()).value().size(); };
  ASSERT_EQ(known(*two), 0u);
  model::ApiKey key;
  key.id = ids.next_id<model::ApiKeyId>();
  key.workspace_id = workspace;
  key.platform = model::KeyPlatform::kPeptideClients;
  key.payload_format = model::PayloadFormat::kWooCommerce;
  key.created_at = clock.now();
  write(*one, [&](store::Connection& c) { return store::api_keys::insert(c, key); });
  EXPECT_EQ(known(*two), 1u);
  revoke(*one, key.id);
  EXPECT_EQ(known(*two), 0u);
}

TEST_F(ChangeFeedTest, ARevocationThatWasRolledBackIsNotHeard) {
  Secret text;
  const auto key = add_key(text);
  const auto undone = run(one->database->run([&](store::Connection& c) -> Result<void> {
    WAYBILL_TRY(store::api_keys::revoke(c, workspace, key, clock.now()));
    return fail(Code::kConflict, "the_test", "wants it so");
  }));
  EXPECT_FALSE(undone);
  EXPECT_EQ(bus->said(), std::vector<std::string>());
  EXPECT_TRUE(works(*two, text));
}

TEST_F(ChangeFeedTest, AnEndpointPausedOnOneNodeIsSentNothingByAnother) {
  const model::Endpoint endpoint = add_endpoint();
  owe(endpoint, 300);
  two->dispatcher.hear_due(workspace, endpoint.id);
  clock.run_for(3s);
  ASSERT_GE(two->sent, 20);

  set_state(*one, endpoint, EndpointState::kPaused);
  const int sent = two->sent;
  clock.run_for(10s);
  EXPECT_EQ(two->sent, sent);
}

TEST_F(ChangeFeedTest, WhatOneNodeMakesDueAnotherHelpsWith) {
  const model::Endpoint endpoint = add_endpoint();
  owe(endpoint, 1'000);
  one->dispatcher.set_nodes(2);
  two->dispatcher.set_nodes(2);
  one->dispatcher.wake(workspace, endpoint.id, clock.now());
  clock.run_for(10s);
  EXPECT_GE(one->sent, 40);
  EXPECT_GE(two->sent, 40);
}

TEST_F(ChangeFeedTest, ItsOwnNewsOfWhatIsDueIsNone) {
  const model::Endpoint endpoint = add_endpoint();
  owe(endpoint, 3);
  const store::changes::EndpointRef owed[] = {{workspace, endpoint.id}};
  write(*one, [&](store::Connection& c) { return store::changes::due(c, one->id, owed); });
  EXPECT_EQ(one->sent, 0);
  clock.run_for(1s);
  EXPECT_EQ(two->sent, 3);
}

// It may be revoked, and nobody would say so.
TEST_F(ChangeFeedTest, WhileItCannotHearEveryKeyIsLookedUp) {
  Secret text;
  const auto key = add_key(text);
  ASSERT_TRUE(works(*two, text));
  bus->cut();
  settle();
  EXPECT_TRUE(works(*two, text));
  revoke(*one, key);
  EXPECT_FALSE(works(*two, text));
}

// The connection may have been dead for a while before that was noticed.
TEST_F(ChangeFeedTest, OnceItHearsAgainEverythingIsForgotten) {
  Secret text, other_text;
  const auto key = add_key(text);
  const auto other = add_key(other_text);
  ASSERT_TRUE(works(*two, text) && works(*two, other_text));
  bus->lose();
  revoke(*one, key);
  EXPECT_TRUE(works(*two, text)) << "it has not heard, and does not know";
  bus->mend();
  settle();
  EXPECT_FALSE(works(*two, text));

  // And it is remembered, and heard of, as before.
  ASSERT_TRUE(works(*two, other_text));
  revoke(*one, other);
  EXPECT_FALSE(works(*two, other_text));
}

TEST_F(ChangeFeedTest, NothingIsTrustedBeforeItHasBegunToHear) {
  bus->cut();
  Node* late = add_node(std::make_unique<store::BusDriver>(sqlite(), bus));
  Secret text;
  const auto key = add_key(text);
  ASSERT_TRUE(works(*late, text));
  revoke(*one, key);
  EXPECT_FALSE(works(*late, text));
}

TEST_F(ChangeFeedTest, AHubAloneRemembersWithoutHearing) {
  Node* alone = add_node(sqlite());
  Secret text;
  const auto key = add_key(text);
  ASSERT_TRUE(works(*alone, text));
  revoke(*one, key);
  EXPECT_TRUE(works(*alone, text)) << "nobody but itself changes its database";
  alone->keys.forget(key);
  EXPECT_FALSE(works(*alone, text));
}

TEST_F(ChangeFeedTest, WhatIsHeardAsItStopsIsLetGo) {
  Secret text;
  const auto key = add_key(text);
  ASSERT_TRUE(works(*two, text));
  bus->lose();
  revoke(*one, key);
  bus->mend();  // Posted, and not yet acted on.
  two->feed.stop();
  settle();
  EXPECT_TRUE(works(*two, text));
}

}  // namespace
}  // namespace waybill::app
