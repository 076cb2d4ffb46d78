#include "surfaces/hash_budget.h"

#include <gtest/gtest.h>

#include "base/manual_clock.h"

namespace waybill::surfaces {
namespace {

using namespace std::chrono_literals;
constexpr Timestamp kNoon = ManualClock::kNoon;

TEST(HashBudget, WhatWasSpentIsPaidForByWaiting) {
  HashBudget budget;
  EXPECT_TRUE(budget.may_begin("a", kNoon));
  budget.spend("a", HashBudget::kBytesPerSecond, kNoon);
  EXPECT_TRUE(budget.may_begin("a", kNoon)) << "a second's worth at once";
  budget.spend("a", 3 * HashBudget::kBytesPerSecond, kNoon);
  EXPECT_FALSE(budget.may_begin("a", kNoon));
  EXPECT_TRUE(budget.may_begin("b", kNoon));
  EXPECT_FALSE(budget.may_begin("a", kNoon + 2'999ms));
  EXPECT_TRUE(budget.may_begin("a", kNoon + 3s));
  budget.spend("a", 1, kNoon + 1h);
  budget.spend("a", HashBudget::kBytesPerSecond, kNoon + 1h);
  EXPECT_TRUE(budget.may_begin("a", kNoon + 1h + 1ms)) << "idle time is not saved up, nor owed";
}

TEST(HashBudget, WhatIsGivenBackWasNotSpent) {
  HashBudget budget;
  budget.spend("a", 3 * HashBudget::kBytesPerSecond, kNoon);
  budget.spend("a", -3 * HashBudget::kBytesPerSecond, kNoon + 1s);
  EXPECT_TRUE(budget.may_begin("a", kNoon));
  budget.spend("a", 3 * HashBudget::kBytesPerSecond, kNoon + 1s);
  EXPECT_FALSE(budget.may_begin("a", kNoon + 1s)) << "but no more than nothing is left over";
}

TEST(HashBudget, WhatASearchOwesItselfDoesNotStopIt) {
  HashBudget budget;
  constexpr std::int64_t kSecond = HashBudget::kBytesPerSecond;
  budget.spend("a", 5 * kSecond, kNoon);
  EXPECT_FALSE(budget.may_begin("a", kNoon));
  EXPECT_TRUE(budget.may_go_on("a", 5 * kSecond, kNoon));
  budget.spend("a", kSecond, kNoon);
  EXPECT_TRUE(budget.may_go_on("a", 5 * kSecond, kNoon)) << "another one's, of a second";
  budget.spend("a", 1024, kNoon);
  EXPECT_FALSE(budget.may_go_on("a", 5 * kSecond, kNoon));
}

TEST(HashBudget, ManySmallTriesAddUp) {
  HashBudget budget;
  for (int i = 0; i < 40'000; ++i) budget.spend("a", 1024, kNoon);
  EXPECT_FALSE(budget.may_begin("a", kNoon));
}

TEST(HashBudget, OnlyWhoIsBusyIsRemembered) {
  HashBudget budget;
  budget.spend("a", 10 * HashBudget::kBytesPerSecond, kNoon);
  for (std::size_t i = 0; i < HashBudget::kOtherEndsMax; ++i) {
    budget.spend(std::to_string(i), 1024, kNoon + std::chrono::milliseconds(i / 100));
  }
  EXPECT_FALSE(budget.may_begin("a", kNoon + 1s)) << "those that owe nothing made room";
}

// Whoever has an IPv6 address has 2^64 of them.
TEST(HashBudget, AnOtherEndIsACustomerNotAnAddress) {
  EXPECT_EQ(other_end_of("192.0.2.1"), other_end_of("::ffff:192.0.2.1"));
  EXPECT_NE(other_end_of("192.0.2.1"), other_end_of("192.0.2.2"));
  EXPECT_NE(other_end_of("::ffff:192.0.2.1"), other_end_of("::ffff:192.0.2.2"));
  EXPECT_EQ(other_end_of("2001:db8::1"), other_end_of("2001:db8:0:0:ffff::2"));
  EXPECT_NE(other_end_of("2001:db8::1"), other_end_of("2001:db8:0:1::1"));
  EXPECT_EQ(other_end_of("nowhere"), "nowhere");
}

}  // namespace
}  // namespace waybill::surfaces
