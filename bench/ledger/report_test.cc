#include "bench/ledger/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waybill::bench {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr Moment kBegin{1h};

class ReportTest : public testing::Test {
 public:
  ReportTest() {
    group = ledger.add_group("shop", 1);
    load = ledger.add_load("main", "acme", "Acme Paper Ltd", {group});
    ledger.acknowledge(ledger.begin(load, kBegin), Id{1}, false, kBegin + 500ms);
  }

  bool clean() { return is_clean(report(ledger, {true})); }

  Webhook webhook(std::string_view number) {
    return {.event_id = Id{2},
            .order_id = Id{1},
            .workspace = "acme",
            .number = number,
            .supplier_name = "Acme Paper Ltd",
            .status = "needs_review",
            .lines = 1};
  }

  void receive(std::string_view number = "Lrun-0-000000000") {
    const auto attempt = ledger.judge(group, 0, webhook(number));
    if (attempt.verdict == Ledger::Try::Verdict::kGood) {
      ledger.take(group, 0, attempt, kBegin + 900ms);
    }
  }

  Ledger ledger{"run"};
  std::uint32_t group = 0, load = 0;
};

TEST_F(ReportTest, ALossIsToldOfWhereAllIsTaken) {
  const auto told = report(ledger, {true});
  EXPECT_EQ(told.at("total").at("lost"), 1);
  EXPECT_EQ(told.at("endpoints").at("shop").at("lost_examples").at(0),
            "Lrun-0-000000000 at shop.0");
  EXPECT_THAT(in_words(told), HasSubstr("endpoint shop: 0 received, 1 lost"));
  EXPECT_FALSE(is_clean(told));
  EXPECT_EQ(report(ledger, {false}).at("total").at("lost"), 0);
}

TEST_F(ReportTest, IsCleanOnlyIfNothingIsWrong) {
  receive();
  EXPECT_TRUE(clean());
  receive();
  EXPECT_TRUE(clean()) << "a duplicate is told of, and at least once is what is promised";
  EXPECT_EQ(report(ledger, {true}).at("total").at("duplicated"), 1);
}

TEST_F(ReportTest, IsNotCleanWithACorruptedOne) {
  receive();
  ledger.judge(group, 0, std::unexpected("bad"));
  EXPECT_FALSE(clean());
  EXPECT_THAT(in_words(report(ledger, {true})), HasSubstr("! a webhook to shop is corrupted: bad"));
}

TEST_F(ReportTest, IsNotCleanWithAnInventedOne) {
  receive();
  receive("Lrun-0-000000007");
  EXPECT_FALSE(clean());
}

TEST_F(ReportTest, IsNotCleanWithARefusedOneThatWasReceived) {
  receive();
  const OrderKey key = ledger.begin(load, kBegin);
  Webhook hook = webhook("Lrun-0-000000001");
  hook.event_id = Id{4};
  hook.order_id = Id{3};
  hook.lines = 2;
  ledger.take(group, 0, ledger.judge(group, 0, hook), kBegin);
  ledger.refuse(key, 503, true, "");
  EXPECT_EQ(report(ledger, {true}).at("total").at("invented"), 1);
  EXPECT_FALSE(clean());
}

TEST_F(ReportTest, IsNotCleanWhileAnOutcomeIsUnknown) {
  receive();
  ledger.give_up(ledger.begin(load, kBegin));
  EXPECT_FALSE(clean());
}

TEST_F(ReportTest, TellsLatenciesInMillisecondsAndThroughput) {
  receive();
  const auto told = report(ledger, {true});
  EXPECT_EQ(told.at("loads").at("main").at("answer_ms").at("max"), 500.0);
  EXPECT_EQ(told.at("loads").at("main").at("orders_per_second"), 2.0);
  EXPECT_EQ(told.at("endpoints").at("shop").at("loads").at("main").at("received_ms").at("max"),
            900.0);
}

}  // namespace
}  // namespace waybill::bench
