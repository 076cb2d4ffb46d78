#include "bench/ledger/histogram.h"

#include <gtest/gtest.h>

namespace waybill::bench {
namespace {

TEST(Histogram, SaysZeroOfNothing) {
  EXPECT_EQ(Histogram().micros_at(0.5), 0);
  EXPECT_EQ(Histogram().max_micros(), 0);
}

TEST(Histogram, IsExactForSmallValues) {
  Histogram histogram;
  for (int value = 1; value <= 100; ++value) histogram.add(value);
  EXPECT_EQ(histogram.micros_at(0.50), 50);
  EXPECT_EQ(histogram.micros_at(0.99), 99);
  EXPECT_EQ(histogram.micros_at(1.0), 100);
  EXPECT_EQ(histogram.count(), 100U);
}

TEST(Histogram, SaysAtMostOnePercentTooMuchAndNeverTooLittle) {
  for (std::int64_t value = 1; value < 30'000'000'000; value += 1 + value / 37) {
    Histogram histogram;
    histogram.add(value);
    histogram.add(40'000'000'000);
    EXPECT_GE(histogram.micros_at(0.5), value);
    EXPECT_LE(histogram.micros_at(0.5), value + value / 100) << value;
    EXPECT_EQ(histogram.max_micros(), 40'000'000'000);
  }
}

TEST(Histogram, OneLateOfAThousandIsInTheLastPermille) {
  Histogram histogram;
  for (int i = 0; i < 999; ++i) histogram.add(100);
  histogram.add(5'000'000);
  EXPECT_EQ(histogram.micros_at(0.999), 100);
  EXPECT_EQ(histogram.micros_at(0.9999), 5'000'000);
}

TEST(Histogram, TakesWhatIsNegativeOrTooLong) {
  Histogram histogram;
  histogram.add(-5);
  EXPECT_EQ(histogram.micros_at(1.0), 0);
  histogram.add(std::int64_t{1} << 60);
  EXPECT_GT(histogram.micros_at(1.0), std::int64_t{1} << 35);
}

}  // namespace
}  // namespace waybill::bench
