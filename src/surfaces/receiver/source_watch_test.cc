// What is told of sources and handlers with which something is wrong.

#include "surfaces/receiver/source_watch.h"

#include <chrono>

#include <gtest/gtest.h>

#include "intake/source_secrets.h"
#include "store/endpoints.h"
#include "surfaces/native/native_fixture.h"
#include "surfaces/receiver/receiver_fixture.h"

namespace waybill::surfaces::receiver {
namespace {

using namespace std::chrono_literals;
using native::text;

class SourceWatchTest : public ReceiverTest {
 public:
  void fail_signatures(int count) {
    for (int i = 0; i < count; ++i) {
      send_signed("/in/source-1", a_message("evt_1"), "nobodys-secret");
    }
  }
  // An endpoint that asked for alerts.
  void new_endpoint() {
    model::Endpoint made;
    made.id = ids.next_id<model::EndpointId>();
    made.workspace_id = workspaces.at("acme").id;
    made.dialect = "waybill";
    made.event_types = {"*"};
    made.url = "https://operator.example/";
    made.created_at = made.updated_at = clock.now();
    const auto inserted = run(database->run(
        [&](store::Connection& connection) { return store::endpoints::insert(connection, made); }));
    ASSERT_TRUE(inserted.has_value());
  }
};

TEST_F(SourceWatchTest, TellsOfSignaturesThatFail) {
  const auto source = new_source({});
  new_endpoint();
  fail_signatures(SourceWatch::kFailures - 1);
  EXPECT_TRUE(alerts(model::kSourceSignatureFailures).empty());
  fail_signatures(20);
  clock.run_for(1s);
  const auto told = alerts(model::kSourceSignatureFailures);
  ASSERT_EQ(told.size(), 1u) << "once in a window";
  EXPECT_EQ(text(told[0], "source_id"), source.id.text());
  EXPECT_EQ(text(told[0], "failures"), "10");
  EXPECT_EQ(text(told[0], "addresses"), R"([{"address":"192.0.2.1","failures":10}])");
  ASSERT_EQ(sent.size(), 1u) << "an endpoint of the hub's own dialect is told";
  EXPECT_EQ(sent[0].body.find("evt_1"), std::string::npos) << "nothing of the body";
  EXPECT_EQ(watch.counters().alerts[0], 1u);

  clock.run_for(SourceWatch::kWindow);
  fail_signatures(SourceWatch::kFailures - 1);
  EXPECT_EQ(alerts(model::kSourceSignatureFailures).size(), 1u);
  fail_signatures(1);
  EXPECT_EQ(alerts(model::kSourceSignatureFailures).size(), 2u);
}

// What nobody has signed for a platform may be meant for any of its sources, if they are few.
TEST_F(SourceWatchTest, TellsOfSignaturesThatFailAtThePathOfAPlatform) {
  const auto first = new_source({});
  new_source({.secrets = {"another-secret"}, .workspace = "acme-test"});
  new_source({.secrets = {}});
  new_source({.dialect = "proign", .secrets = {"a-third-secret"}});
  const auto fail_all = [&] {
    for (int i = 0; i < SourceWatch::kFailures; ++i) {
      send_signed("/webhooks/procureiq", a_message("evt_1"), "nobodys-secret");
    }
    clock.run_for(1s);
  };
  fail_all();
  const auto told = alerts(model::kSourceSignatureFailures);
  ASSERT_EQ(told.size(), 2u) << "of those that have a secret";
  EXPECT_EQ(text(told[0], "source_id"), first.id.text());
  EXPECT_EQ(text(told[0], "addresses"), R"([{"address":"192.0.2.1","failures":10}])");

  clock.run_for(SourceWatch::kWindow);
  for (std::size_t i = 3; i <= ReceiverDoor::kBlamedMax; ++i) {
    new_source({.secrets = {"more-of-a-secret"}});
  }
  fail_all();
  EXPECT_EQ(alerts(model::kSourceSignatureFailures).size(), 2u) << "there are too many to tell";
}

TEST_F(SourceWatchTest, TellsOnceOfASilenceAndOfItsEnd) {
  model::SourceSettings settings;
  settings.quiet_after = 1h;
  new_source({.settings = settings});
  new_source({.secrets = {"another-secret"}});
  watch.start();
  clock.run_for(30min);
  send_signed("/in/source-1", a_message("evt_1"));
  const Timestamp since = clock.now();
  clock.run_for(59min);
  EXPECT_TRUE(alerts(model::kSourceQuiet).empty());
  clock.run_for(3h);
  auto quiet = alerts(model::kSourceQuiet);
  ASSERT_EQ(quiet.size(), 1u);
  EXPECT_EQ(text(quiet[0], "since"), iso_time(since));
  EXPECT_EQ(text(quiet[0], "quiet_after"), "1h");
  EXPECT_TRUE(alerts(model::kSourceHeard).empty());
  send_signed("/in/source-1", a_message("evt_2"));
  clock.run_for(2min);
  const auto heard = alerts(model::kSourceHeard);
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(text(heard[0], "since"), iso_time(since));
  clock.run_for(2h);
  EXPECT_EQ(alerts(model::kSourceQuiet).size(), 2u);
  EXPECT_EQ(alerts(model::kSourceHeard).size(), 1u);
}

// A hub that is started again, and a second node, know what was told.
TEST_F(SourceWatchTest, TellsOfASilenceOnceWhoeverLooks) {
  model::SourceSettings settings;
  settings.quiet_after = 1h;
  new_source({.settings = settings});
  watch.start();
  clock.run_for(2h);
  SourceWatch another({.context = context,
                       .clock = clock,
                       .log = log,
                       .ids = ids,
                       .database = *database,
                       .acceptance = acceptance,
                       .dispatcher = dispatcher});
  another.start();
  clock.run_for(2h);
  EXPECT_EQ(alerts(model::kSourceQuiet).size(), 1u);
  EXPECT_EQ(another.counters().alerts[1], 0u);
  run([](SourceWatch& stopped) -> Task<bool> {
    co_await stopped.stop();
    co_return true;
  }(another));
}

// What waits for its next try is no lag: what waits behind it is.
// What is sent while the hub does not run is sent again by who sends it, and that takes a while.
TEST_F(SourceWatchTest, TakesItsOwnDowntimeForNobodysSilence) {
  model::SourceSettings settings;
  settings.quiet_after = 1h;
  new_source({.settings = settings});
  send_signed("/in/source-1", a_message("evt_1"));
  const Timestamp since = clock.now();
  clock.run_for(5h);
  watch.start();
  clock.run_for(59min);
  EXPECT_TRUE(alerts(model::kSourceQuiet).empty());
  clock.run_for(2min);
  const auto quiet = alerts(model::kSourceQuiet);
  ASSERT_EQ(quiet.size(), 1u);
  EXPECT_EQ(text(quiet[0], "since"), iso_time(since));
}

TEST_F(SourceWatchTest, TellsOfTheEndOfASilenceThatWasToldBeforeTheHubWasStartedAgain) {
  model::SourceSettings settings;
  settings.quiet_after = 1h;
  new_source({.settings = settings});
  watch.start();
  clock.run_for(2h);
  ASSERT_EQ(alerts(model::kSourceQuiet).size(), 1u);
  const auto stop = [](SourceWatch& stopped) -> Task<bool> {
    co_await stopped.stop();
    co_return true;
  };
  run(stop(watch));
  SourceWatch another({.context = context,
                       .clock = clock,
                       .log = log,
                       .ids = ids,
                       .database = *database,
                       .acceptance = acceptance,
                       .dispatcher = dispatcher});
  another.start();
  clock.run_for(10min);
  send_signed("/in/source-1", a_message("evt_1"));
  clock.run_for(2min);
  EXPECT_EQ(alerts(model::kSourceHeard).size(), 1u);
  EXPECT_EQ(alerts(model::kSourceQuiet).size(), 1u);
  run(stop(another));
}

TEST_F(SourceWatchTest, TellsOfAHandlerThatFallsBehind) {
  const auto source = new_source({});
  const auto slow = new_handler(source, model::Channel::kHttp, /*in_order=*/true);
  watch.start();
  handler.outcome = model::Outcome::kRefused;
  send_signed("/in/source-1", a_message("evt_1"));
  clock.run_for(5min);
  EXPECT_EQ(watch.counters().lag, 0ms);
  send_signed("/in/source-1", a_message("evt_2"));
  clock.run_for(4min);
  EXPECT_GE(watch.counters().lag, 3min);
  EXPECT_TRUE(alerts(model::kHandlerLagging).empty());
  clock.run_for(3min);
  const auto told = alerts(model::kHandlerLagging);
  ASSERT_EQ(told.size(), 1u) << "once";
  EXPECT_EQ(text(told[0], "handler_id"), slow.id.text());
  EXPECT_EQ(text(told[0], "source_id"), source.id.text());
  EXPECT_EQ(text(told[0], "channel"), "http");
  EXPECT_EQ(watch.counters().alerts[3], 1u);
  handler.outcome = model::Outcome::kSucceeded;
  clock.run_for(1h);
  EXPECT_EQ(watch.counters().lag, 0ms);
  EXPECT_EQ(alerts(model::kHandlerLagging).size(), 1u);
}

}  // namespace
}  // namespace waybill::surfaces::receiver
