#include "delivery/failure_rates.h"

#include <gtest/gtest.h>

#include "base/ids.h"
#include "base/manual_clock.h"

namespace waybill::delivery {
namespace {

using Turn = FailureRate::Turn;

class FailureRatesTest : public testing::Test {
 protected:
  Turn note(bool failed, bool known = false) {
    latest = rates.note(endpoint, failed, known);
    return latest.turn;
  }

  boost::asio::io_context context;
  ManualClock clock{context};
  IdGenerator ids{clock, /*seed=*/1};
  const model::EndpointId endpoint = ids.next_id<model::EndpointId>();
  FailureRates rates{/*attempts=*/20, /*percent=*/50};
  FailureRate latest;
};

TEST_F(FailureRatesTest, MoreThanTheirShareOfTheLatestIsFailing) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(note(true), Turn::kNone) << "there were too few";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(note(false), Turn::kNone) << "half is not more than half";
  // The oldest fall out of the window.
  EXPECT_EQ(note(true), Turn::kNone);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(note(true), Turn::kNone) << i;
  EXPECT_EQ(note(true), Turn::kFailing);
  EXPECT_EQ(latest.attempts, 20);
  EXPECT_EQ(latest.failed, 11);
}

TEST_F(FailureRatesTest, WhatIsKnownAlreadyIsNotToldAgain) {
  for (int i = 0; i < 50; ++i) EXPECT_EQ(note(true, true), Turn::kNone);
}

TEST_F(FailureRatesTest, IsWellAgainOnceTheShareIsHalfOfTheThreshold) {
  for (int i = 0; i < 20; ++i) note(true, true);
  for (int i = 0; i < 14; ++i) EXPECT_EQ(note(false, true), Turn::kNone) << i;
  EXPECT_EQ(note(false, true), Turn::kWell) << "five of twenty";
}

// After a restart nothing is counted yet, but that it is failing is stored.
TEST_F(FailureRatesTest, OneThatWasFailingBeforeARestartIsWellAfterAWindowOfSuccesses) {
  for (int i = 0; i < 19; ++i) EXPECT_EQ(note(false, true), Turn::kNone) << i;
  EXPECT_EQ(note(false, true), Turn::kWell);
}

TEST_F(FailureRatesTest, EndpointsThatDoNotFailTakeNoMemory) {
  for (int i = 0; i < 50; ++i) note(false);
  EXPECT_EQ(rates.endpoints(), 0u);
  note(true);
  EXPECT_EQ(rates.endpoints(), 1u);
  for (int i = 0; i < 19; ++i) note(false);
  EXPECT_EQ(rates.endpoints(), 1u);
  note(false);
  EXPECT_EQ(rates.endpoints(), 0u);
}

TEST_F(FailureRatesTest, EndpointsAreCountedApart) {
  for (int i = 0; i < 19; ++i) note(true);
  EXPECT_EQ(rates.note(ids.next_id<model::EndpointId>(), true, false).attempts, 1);
  EXPECT_EQ(note(true), Turn::kFailing);
}

}  // namespace
}  // namespace waybill::delivery
