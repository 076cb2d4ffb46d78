// A mistake in the counting would hide a loss, so each thing the ledger is for is done to it once.

#include "bench/ledger/ledger.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waybill::bench {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using Verdict = Ledger::Try::Verdict;

constexpr Moment kBegin{1h};

Id order_id(int number) { return {1, static_cast<unsigned char>(number)}; }
Id event_id(int number) { return {2, static_cast<unsigned char>(number)}; }

class LedgerTest : public testing::Test {
 public:
  LedgerTest() {
    group = ledger.add_group("shop", 2);
    load = ledger.add_load("main", "acme", "Acme Paper Ltd", {group});
  }

  // Posted and acknowledged.
  OrderKey order() {
    const OrderKey key = ledger.begin(load, kBegin);
    ledger.acknowledge(key, order_id(static_cast<int>(key.index)), false, kBegin + 2ms);
    return key;
  }

  Webhook webhook(OrderKey key) {
    numbers.push_back(ledger.number_of(key));
    return {.event_id = event_id(static_cast<int>(key.index)),
            .order_id = order_id(static_cast<int>(key.index)),
            .workspace = "acme",
            .number = numbers.back(),
            .supplier_name = "Acme Paper Ltd",
            .status = "needs_review",
            .lines = Ledger::lines_of(key.index)};
  }

  Verdict receive(const Webhook& what, std::uint32_t member = 0) {
    const auto attempt = ledger.judge(group, member, what);
    if (attempt.verdict == Verdict::kGood) ledger.take(group, member, attempt, kBegin + 5ms);
    return attempt.verdict;
  }

  const Group& shop() { return ledger.groups()[group]; }

  Ledger ledger{"run"};
  std::uint32_t group = 0, load = 0;
  std::deque<std::string> numbers;
};

TEST_F(LedgerTest, FindsNothingWrongWhenEveryEndpointReceivedEveryOrderOnce) {
  for (int i = 0; i < 5; ++i) {
    const OrderKey key = order();
    EXPECT_EQ(receive(webhook(key), 0), Verdict::kGood);
    EXPECT_EQ(receive(webhook(key), 1), Verdict::kGood);
  }
  EXPECT_TRUE(ledger.everything_has_come(group));
  EXPECT_EQ(ledger.lost(group), 0U);
  EXPECT_EQ(shop().taken, 10U);
  EXPECT_EQ(shop().duplicated + shop().corrupted + shop().invented, 0U);
  EXPECT_EQ(ledger.loads()[load].latency.max_micros(), 2000);
  EXPECT_EQ(shop().receipts.at(load).latency.max_micros(), 5000);
  EXPECT_THAT(ledger.complaints(), ElementsAre());
}

TEST_F(LedgerTest, AnAcknowledgedOrderThatOneEndpointNeverGotIsLost) {
  const OrderKey first = order(), second = order();
  receive(webhook(first), 0);
  receive(webhook(first), 1);
  receive(webhook(second), 0);
  std::vector<std::string> examples;
  EXPECT_EQ(ledger.lost(group, &examples), 1U);
  EXPECT_THAT(examples, ElementsAre("Lrun-0-000000001 at shop.1"));
  EXPECT_FALSE(ledger.everything_has_come(group));
}

TEST_F(LedgerTest, EverythingIsLostWhenNothingCame) {
  order();
  EXPECT_EQ(ledger.lost(group), 2U);
}

// As many webhooks as orders, but not of the same orders.
TEST_F(LedgerTest, AWebhookOfAnOrderWithoutAnAnswerDoesNotStandForALostOne) {
  order();
  const OrderKey unanswered = ledger.begin(load, kBegin);
  receive(webhook(unanswered), 0);
  receive(webhook(unanswered), 1);
  EXPECT_FALSE(ledger.everything_has_come(group));
  EXPECT_EQ(ledger.lost(group), 2U);
}

TEST_F(LedgerTest, ATryThatWasNotTakenIsNoReceipt) {
  const OrderKey key = order();
  EXPECT_EQ(ledger.judge(group, 0, webhook(key)).number, 1);
  EXPECT_EQ(ledger.judge(group, 0, webhook(key)).number, 2);
  EXPECT_EQ(ledger.judge(group, 1, webhook(key)).number, 1);
  EXPECT_EQ(ledger.lost(group), 2U);
  EXPECT_EQ(shop().tries, 3U);
  EXPECT_EQ(shop().duplicated, 0U);
}

TEST_F(LedgerTest, TheSameEventAgainIsDuplicated) {
  const OrderKey key = order();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(receive(webhook(key), 0), Verdict::kGood);
  EXPECT_EQ(receive(webhook(key), 1), Verdict::kGood);
  EXPECT_EQ(shop().duplicated, 2U);
  EXPECT_EQ(shop().duplicates_most, 2U);
  EXPECT_EQ(shop().receipts.at(load).distinct, 2U);
}

TEST_F(LedgerTest, WhatCannotBeVerifiedIsCorruptedAndNotReceived) {
  order();
  const auto attempt = ledger.judge(group, 0, std::unexpected("X-ProcuLink-Signature …"));
  EXPECT_EQ(attempt.verdict, Verdict::kCorrupted);
  EXPECT_EQ(shop().corrupted, 1U);
  EXPECT_EQ(ledger.lost(group), 2U);
  EXPECT_THAT(ledger.complaints(), ElementsAre(HasSubstr("X-ProcuLink-Signature")));
}

TEST_F(LedgerTest, WhatDoesNotSayWhatWasPostedIsCorrupted) {
  const OrderKey key = order();
  order();
  std::vector<Webhook> wrong(5, webhook(key));
  wrong[0].workspace = "other";
  wrong[1].supplier_name = "Another Ltd";
  wrong[2].status = "delivered";
  wrong[3].lines = 3;
  wrong[4].order_id = order_id(1);
  for (const Webhook& each : wrong) EXPECT_EQ(receive(each), Verdict::kCorrupted);
  EXPECT_EQ(shop().corrupted, 5U);
  EXPECT_EQ(shop().taken, 0U);
}

TEST_F(LedgerTest, AnOrderThatNobodyPostedIsInvented) {
  const OrderKey key = order();
  Webhook hook = webhook(key);
  for (const char* number : {"Lrun-0-000000001", "Lrun-1-000000000", "Lother-0-000000000", "PO-1",
                             "Lrun-0", "Lrun-0-", "Lrun--1", ""}) {
    hook.number = number;
    EXPECT_EQ(receive(hook), Verdict::kInvented) << number;
  }
  EXPECT_EQ(shop().invented, 8U);
}

TEST_F(LedgerTest, ASecondEventOfOneOrderIsInvented) {
  const OrderKey key = order();
  Webhook hook = webhook(key);
  EXPECT_EQ(receive(hook), Verdict::kGood);
  hook.event_id = event_id(77);
  EXPECT_EQ(receive(hook), Verdict::kInvented);
  EXPECT_EQ(receive(hook, 1), Verdict::kInvented);
}

TEST_F(LedgerTest, TwoOrdersCannotShareAnEvent) {
  const OrderKey first = order(), second = order();
  EXPECT_EQ(receive(webhook(first)), Verdict::kGood);
  Webhook hook = webhook(second);
  hook.event_id = event_id(static_cast<int>(first.index));
  EXPECT_EQ(receive(hook), Verdict::kInvented);
}

TEST_F(LedgerTest, ARefusedOrderThatWasSentAllTheSameIsInvented) {
  const OrderKey key = ledger.begin(load, kBegin);
  receive(webhook(key));
  ledger.refuse(key, 503, true, "");
  EXPECT_EQ(ledger.refused_yet_received(group), 1U);
  EXPECT_EQ(ledger.lost(group), 0U);
}

TEST_F(LedgerTest, AnOrderOfUnknownOutcomeMayComeOrNot) {
  const OrderKey came = ledger.begin(load, kBegin), lost = ledger.begin(load, kBegin);
  receive(webhook(came));
  ledger.give_up(came);
  ledger.give_up(lost);
  EXPECT_EQ(ledger.lost(group), 0U);
  EXPECT_EQ(ledger.refused_yet_received(group), 0U);
  EXPECT_EQ(ledger.loads()[load].unresolved, 2U);
}

TEST_F(LedgerTest, AWebhookMayComeBeforeTheAnswer) {
  const OrderKey key = ledger.begin(load, kBegin);
  EXPECT_EQ(receive(webhook(key), 0), Verdict::kGood);
  EXPECT_EQ(receive(webhook(key), 1), Verdict::kGood);
  ledger.acknowledge(key, order_id(0), false, kBegin + 9ms);
  EXPECT_TRUE(ledger.everything_has_come(group));
  EXPECT_EQ(ledger.loads()[load].contradicted, 0U);
}

TEST_F(LedgerTest, AnAnswerThatNamesAnotherOrderContradicts) {
  const OrderKey first = order(), second = ledger.begin(load, kBegin);
  ledger.acknowledge(second, order_id(static_cast<int>(first.index)), true, kBegin);
  const OrderKey third = ledger.begin(load, kBegin);
  receive(webhook(third));
  ledger.acknowledge(third, order_id(99), false, kBegin);
  EXPECT_EQ(ledger.loads()[load].contradicted, 2U);
  EXPECT_EQ(ledger.loads()[load].replayed, 1U);
}

TEST_F(LedgerTest, AnEndpointOwesOnlyTheLoadsThatNameIt) {
  const auto other = ledger.add_group("other", 1);
  const auto quiet = ledger.add_load("quiet", "calm", "Calm Ltd", {other});
  ledger.acknowledge(ledger.begin(quiet, kBegin), order_id(9), false, kBegin);
  EXPECT_EQ(ledger.lost(other), 1U);
  EXPECT_EQ(ledger.lost(group), 0U);
}

TEST_F(LedgerTest, AnOutageLastsUntilTheNextAcknowledgement) {
  ledger.broken(kBegin + 1s);
  ledger.broken(kBegin + 2s);
  const OrderKey key = ledger.begin(load, kBegin);
  ledger.acknowledge(key, order_id(0), false, kBegin + 3s);
  ASSERT_EQ(ledger.outages().size(), 1U);
  EXPECT_EQ(ledger.outages()[0].first, kBegin + 1s);
  EXPECT_EQ(ledger.outages()[0].second, kBegin + 3s);
  ledger.broken(kBegin + 4s);
  EXPECT_FALSE(ledger.outages().back().second);
}

TEST_F(LedgerTest, RefusalsAreCountedByStatus) {
  for (const int status : {503, 503, 429}) {
    ledger.refuse(ledger.begin(load, kBegin), status, status == 503, std::to_string(status));
  }
  EXPECT_EQ(ledger.loads()[load].refused, (std::map<int, std::uint64_t>{{429, 1}, {503, 2}}));
  EXPECT_EQ(ledger.loads()[load].refused_without_retry_after, 1U);
  EXPECT_EQ(ledger.loads()[load].refusals.at(429), "429");
}

TEST_F(LedgerTest, AnOrderThatOneNodeRefusesMayBeAcknowledgedByAnother) {
  const OrderKey key = ledger.begin(load, kBegin);
  ledger.defer(key, true);
  ledger.defer(key, false);
  ledger.acknowledge(key, order_id(0), false, kBegin);
  EXPECT_EQ(ledger.loads()[load].deferred, 2U);
  EXPECT_EQ(ledger.loads()[load].deferred_without_retry_after, 1U);
  EXPECT_EQ(ledger.loads()[load].acknowledged, 1U);
  EXPECT_THAT(ledger.loads()[load].refused, testing::IsEmpty());
}

}  // namespace
}  // namespace waybill::bench
