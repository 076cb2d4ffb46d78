#include "model/replay.h"

#include <gtest/gtest.h>

namespace waybill::model {
namespace {

using enum DeliveryState;
using Kind = ReplayAct::Kind;

DeliveryId id_of(std::size_t number) {
  std::array<std::uint8_t, Uuid::kSize> bytes{};
  bytes[0] = static_cast<std::uint8_t>(number + 1);
  return DeliveryId(Uuid(bytes));
}

struct Case {
  std::string_view what;
  std::vector<DeliveryState> past;  // Oldest first.
  Kind all, failed, missing;
  std::size_t revived = 0;
};

TEST(Replay, SendsWhatItsKindAsksForAndNothingThatIsOwedAlready) {
  const Case cases[] = {
      {"never owed", {}, Kind::kMake, Kind::kNothing, Kind::kMake},
      {"succeeded", {kSucceeded}, Kind::kMake, Kind::kNothing, Kind::kNothing},
      {"waits", {kPending}, Kind::kNothing, Kind::kNothing, Kind::kNothing},
      {"under way", {kDelivering}, Kind::kNothing, Kind::kNothing, Kind::kNothing},
      {"will be tried again", {kRetrying}, Kind::kNothing, Kind::kNothing, Kind::kNothing},
      {"given up", {kDropped}, Kind::kRevive, Kind::kRevive, Kind::kNothing},
      {"cancelled", {kCancelled}, Kind::kMake, Kind::kMake, Kind::kNothing},
      {"given up twice", {kDropped, kDropped}, Kind::kRevive, Kind::kRevive, Kind::kNothing, 1},
      {"given up, then cancelled",
       {kDropped, kCancelled},
       Kind::kRevive,
       Kind::kRevive,
       Kind::kNothing},
      {"given up, then succeeded",
       {kDropped, kSucceeded},
       Kind::kMake,
       Kind::kNothing,
       Kind::kNothing},
      {"succeeded, then given up",
       {kSucceeded, kDropped},
       Kind::kMake,
       Kind::kNothing,
       Kind::kNothing},
      {"given up, and under way again",
       {kDropped, kPending},
       Kind::kNothing,
       Kind::kNothing,
       Kind::kNothing},
      {"succeeded, and under way again",
       {kSucceeded, kRetrying},
       Kind::kNothing,
       Kind::kNothing,
       Kind::kNothing},
  };
  for (const Case& c : cases) {
    std::vector<PastDelivery> past;
    for (const DeliveryState state : c.past) past.push_back({id_of(past.size()), state});
    const auto expect = [&](ReplayOnly only, Kind kind) {
      const ReplayAct act{kind, kind == Kind::kRevive ? id_of(c.revived) : DeliveryId()};
      EXPECT_EQ(replay_act(only, past), act) << c.what << ", " << replay_only_name(only);
    };
    expect(ReplayOnly::kAll, c.all);
    expect(ReplayOnly::kFailed, c.failed);
    expect(ReplayOnly::kMissing, c.missing);
  }
}

TEST(Replay, TakesEventsByTypeAndSubjectAndNeverATest) {
  ReplaySelection selection;
  EXPECT_TRUE(selection.takes("stock.low", ""));
  EXPECT_FALSE(selection.takes("webhook.test", ""));
  selection.event_types = {"stock.low", "stock.out"};
  EXPECT_TRUE(selection.takes("stock.out", "any"));
  EXPECT_FALSE(selection.takes("stock", "any"));
  selection.subject = "sku-1";
  EXPECT_TRUE(selection.takes("stock.low", "sku-1"));
  EXPECT_FALSE(selection.takes("stock.low", "sku-10"));
  selection.event_types = {"webhook.test"};
  EXPECT_FALSE(selection.takes("webhook.test", "sku-1"));
}

TEST(Replay, HasAWordForEverything) {
  for (const std::string_view word : {"running", "done", "cancelled", "failed"}) {
    EXPECT_EQ(replay_state_name(parse_replay_state(word).value()), word);
  }
  for (const std::string_view word : {"all", "failed", "missing"}) {
    EXPECT_EQ(replay_only_name(parse_replay_only(word).value()), word);
  }
  EXPECT_FALSE(parse_replay_only("some"));
}

}  // namespace
}  // namespace waybill::model
