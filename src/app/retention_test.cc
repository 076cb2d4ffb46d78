#include "app/retention.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/store_fixture.h"
#include "store/coalescing.h"
#include "store/deliveries.h"
#include "store/events.h"
#include "store/idempotency.h"
#include "store/key_usage.h"
#include "store/messages.h"
#include "store/replays.h"
#include "store/sources.h"
#include "store/workspaces.h"

namespace waybill::app {
namespace {

using namespace std::chrono_literals;

class RetentionTest : public StoreTest {
 protected:
  RetentionTest() {
    workspace.id = ids.next_id<model::WorkspaceId>();
    workspace.slug = workspace.name = "acme";
    write([&](store::Connection& c) { return store::workspaces::insert(c, workspace); });
  }
  ~RetentionTest() override {
    if (retention) end(*retention);
  }

  template <class Unit>
  void write(Unit unit) {
    const auto done = run(database->run(std::move(unit)));
    ASSERT_TRUE(done) << done.error().message;
  }
  std::int64_t count(std::string_view table) {
    const std::string sql = "SELECT 1 FROM " + std::string(table);
    return *run(database->read(
        [&](store::Connection& c) { return c.query(sql, {}, [](const store::Row&) {}); }));
  }

  // Events with a delivery each, made now: over if `finished`. And an idempotency row for each.
  void add(int events, bool finished) {
    write([&](store::Connection& c) -> Result<void> {
      for (int i = 0; i < events; ++i) {
        model::Event event;
        event.id = ids.next_id<model::EventId>();
        event.workspace_id = workspace.id;
        event.type = "order.created";
        event.occurred_at = clock.now();
        event.data = "{}";
        WAYBILL_TRY(store::events::insert(c, {event, 1, std::nullopt}));
        model::Delivery delivery;
        delivery.id = ids.next_id<model::DeliveryId>();
        delivery.workspace_id = workspace.id;
        delivery.event_id = event.id;
        delivery.event_type = event.type;
        delivery.created_at = clock.now();
        delivery.due_at = clock.now() + 100h;
        const store::deliveries::Lease lease{Uuid(), *delivery.due_at};
        WAYBILL_TRY(store::deliveries::insert(c, delivery, lease));
        store::idempotency::Key key{workspace.id, "orders", {}};
        const ByteView id = event.id.bytes();
        std::copy(id.begin(), id.end(), key.hash.begin());
        auto claimed = store::idempotency::claim(c, key, {{}, 201, {}}, clock.now());
        if (!claimed) return fail(claimed.error());
        const store::coalescing::Window window{workspace.id, {}, key.hash};
        WAYBILL_TRY(
            store::coalescing::open(c, window, clock.now(), clock.now() + 30s, std::nullopt));
        if (!finished) continue;
        ++delivery.attempts_made;
        model::Attempt attempt;
        attempt.number = 1;
        WAYBILL_TRY(store::deliveries::finish_attempt(
            c, delivery, lease, attempt, {model::DeliveryState::kSucceeded, {}}, clock.now()));
      }
      return {};
    });
  }

  void begin(RetentionOptions options) {
    retention = std::make_unique<Retention>(context, clock, log, *database, options);
    retention->start();
  }

  model::Workspace workspace;
  std::unique_ptr<Retention> retention;
};

TEST_F(RetentionTest, DeletesWhatIsOldEnoughAndNothingElse) {
  add(600, /*finished=*/true);
  add(5, /*finished=*/false);
  clock.run_for(721h);
  add(7, /*finished=*/true);
  begin({.deliveries = 720h, .events = 2160h});
  clock.run_for(1min);

  EXPECT_EQ(count("deliveries"), 12);
  EXPECT_EQ(count("attempts"), 7);
  EXPECT_EQ(count("events"), 612);
  EXPECT_EQ(count("idempotency"), 7) << "after a day";
  EXPECT_EQ(count("coalescing_windows"), 7) << "after half a minute";
  EXPECT_EQ(retention->counters().deliveries, 600u);
  EXPECT_EQ(retention->counters().passes, 1u);

  clock.run_for(1441h);
  EXPECT_EQ(count("deliveries"), 5) << "what is not over stays, however old";
  EXPECT_EQ(count("events"), 12) << "and so does its event; the last ones are 60 days old";
  clock.run_for(720h);
  EXPECT_EQ(count("events"), 5);
  EXPECT_EQ(retention->counters().events, 607u);
}

// By what it is known again it stays, for as long as its source remembers (R-PQ-40).
TEST_F(RetentionTest, DeletesMessagesWithTheirEventsOnceTheyAreForgotten) {
  model::Source source;
  source.id = ids.next_id<model::SourceId>();
  source.workspace_id = workspace.id;
  source.name = "in";
  source.settings.remember = 1000h;
  write([&](store::Connection& c) { return store::sources::insert(c, source); });
  const auto receive = [&](std::uint8_t key) {
    model::Event event;
    event.id = ids.next_id<model::EventId>();
    event.workspace_id = workspace.id;
    event.type = model::kMessageReceived;
    event.occurred_at = clock.now();
    event.data = "{}";
    model::Message message;
    message.id = model::MessageId(event.id.uuid());
    message.workspace_id = workspace.id;
    message.source_id = source.id;
    message.key = Bytes(model::Message::kKeyBytes, key);
    message.received_at = clock.now();
    write([&](store::Connection& c) -> Result<void> {
      WAYBILL_TRY(store::events::insert(c, {event, 0, std::nullopt}));
      WAYBILL_TRY(store::messages::insert(c, message, clock.now()));
      return {};
    });
  };
  receive(1);
  receive(2);
  begin({.deliveries = 720h, .events = 720h});
  clock.run_for(719h);
  EXPECT_EQ(count("events"), 2);
  clock.run_for(3h);
  EXPECT_EQ(count("events"), 0);
  EXPECT_EQ(count("messages"), 2);
  clock.run_for(279h);
  // The newest tells since when the source is quiet, however long that is.
  EXPECT_EQ(count("messages"), 1);
  clock.run_for(2000h);
  EXPECT_EQ(count("messages"), 1);
  source.state = model::SourceState::kDeleted;
  write([&](store::Connection& c) { return store::sources::update(c, source); });
  clock.run_for(24h);
  EXPECT_EQ(count("messages"), 0);
  EXPECT_EQ(retention->counters().messages, 2u);
}

TEST_F(RetentionTest, DeletesReplaysThatAreOver) {
  const auto add_replay = [&](model::ReplayState state) {
    model::Replay replay;
    replay.id = ids.next_id<model::ReplayId>();
    replay.workspace_id = workspace.id;
    replay.state = state;
    if (state != model::ReplayState::kRunning) replay.finished_at = clock.now();
    write([&](store::Connection& c) { return store::replays::insert(c, replay); });
  };
  add_replay(model::ReplayState::kDone);
  add_replay(model::ReplayState::kRunning);
  clock.run_for(721h);
  add_replay(model::ReplayState::kCancelled);
  begin({.deliveries = 720h, .events = std::nullopt});
  clock.run_for(1min);
  EXPECT_EQ(count("replays"), 2);
  EXPECT_EQ(retention->counters().replays, 1u);
}

TEST_F(RetentionTest, DeletesWhatKeysWereUsedForBeforeTheLastDay) {
  const auto key = ids.next_id<model::ApiKeyId>();
  const auto use = [&] {
    const Timestamp now = clock.now();
    write([&](store::Connection& c) {
      return store::key_usage::add(c, workspace.id.uuid(),
                                   {workspace.id, key, store::key_usage::hour_of(now), 1, 0, now});
    });
  };
  for (int hour = 0; hour < 30; ++hour) {
    use();
    clock.run_for(1h);
  }
  begin({});
  clock.run_for(1min);
  EXPECT_EQ(count("api_key_usage"), 23) << "in the present hour it was not used yet";
}

// With several nodes on one database one of them does it, and another once that is gone.
TEST_F(RetentionTest, LeavesItToAnotherNodeAsLongAsThatDoesIt) {
  add(3, /*finished=*/true);
  clock.run_for(24h * 31);
  bool is_ours = false;
  begin({.deliveries = 24h * 30, .events = std::nullopt, .is_ours = [&] { return is_ours; }});
  clock.run_for(24h);
  EXPECT_EQ(count("deliveries"), 3);
  EXPECT_EQ(retention->counters().passes, 0u);

  is_ours = true;
  clock.run_for(1min);
  EXPECT_EQ(count("deliveries"), 0);
}

TEST_F(RetentionTest, KeepsForEverWhatItIsToldTo) {
  add(3, /*finished=*/true);
  begin({});
  clock.run_for(24h * 3650);
  EXPECT_EQ(count("deliveries"), 3);
  EXPECT_EQ(count("attempts"), 3);
  EXPECT_EQ(count("events"), 3);
  EXPECT_EQ(count("idempotency"), 0) << "these expire in any case";
}

// A unit of its own for each step, and a pause after it: whoever wants something of the store
// meanwhile waits for one step at most.
TEST_F(RetentionTest, NeverHoldsUpWhatComesMeanwhile) {
  constexpr int kRows = 20 * Retention::kStepRows;
  add(kRows, /*finished=*/true);
  clock.run_for(24h * 31);
  begin({.deliveries = 24h * 30, .events = std::nullopt});
  settle();  // The first step is made at once.
  std::int64_t before = count("deliveries");
  EXPECT_EQ(before, kRows - Retention::kStepRows);
  int interleaved = 0;
  while (count("deliveries") > 0) {
    clock.run_for(Retention::kPause);
    const std::int64_t after = count("deliveries");
    EXPECT_LE(before - after, Retention::kStepRows) << "in one pause";
    before = after;
    write([](store::Connection& c) { return c.query("SELECT 1", {}, [](const store::Row&) {}); });
    ASSERT_LT(++interleaved, 100);
  }
  EXPECT_GE(interleaved, 18);
}

TEST_F(RetentionTest, GoesOnAfterAFailureOfTheStore) {
  add(3, /*finished=*/true);
  clock.run_for(24h * 31);
  write([](store::Connection& c) {
    return c.run_script(
        "CREATE TRIGGER kept BEFORE DELETE ON deliveries BEGIN "
        "SELECT RAISE(ABORT, 'the test wants this to fail'); END");
  });
  begin({.deliveries = 24h * 30, .events = std::nullopt});
  clock.run_for(30s);
  EXPECT_EQ(count("deliveries"), 3);
  EXPECT_EQ(retention->counters().passes, 0u);
  write([](store::Connection& c) { return c.run_script("DROP TRIGGER kept"); });
  clock.run_for(2min);
  EXPECT_EQ(count("deliveries"), 0);
}

}  // namespace
}  // namespace waybill::app
