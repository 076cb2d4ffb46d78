#include "base/metrics.h"

#include <array>

#include <gtest/gtest.h>

namespace waybill {
namespace {

constexpr std::array kBounds = {0.005, 1.0, 10.0};

TEST(Histogram, CountsAValueInTheFirstRangeThatHoldsIt) {
  Histogram histogram(kBounds);
  for (const double value : {0.0, 0.005, 0.006, 10.0, 11.0}) histogram.observe(value);
  EXPECT_EQ(std::vector<std::uint64_t>(histogram.counts().begin(), histogram.counts().end()),
            (std::vector<std::uint64_t>{2, 1, 1, 1}));
  EXPECT_EQ(histogram.count(), 5u);
  EXPECT_DOUBLE_EQ(histogram.sum(), 21.011);
}

TEST(Histogram, TakesADurationInSeconds) {
  Histogram histogram(kBounds);
  histogram.observe(std::chrono::milliseconds(1500));
  EXPECT_DOUBLE_EQ(histogram.sum(), 1.5);
  EXPECT_EQ(histogram.counts()[2], 1u);
}

// As the format's own documentation has it: cumulative buckets, le="+Inf", _sum and _count.
TEST(MetricsText, WritesWhatPrometheusReads) {
  Histogram histogram(kBounds);
  histogram.observe(0.001);
  histogram.observe(2.5);
  MetricsText text;
  text.counter("waybill_orders_total", "Orders.", 12);
  text.begin("waybill_info", "gauge", "Which.");
  text.sample(0.5, {{"a", "x"}, {"b", "quoted \" back\\slash\nline"}});
  text.histogram("waybill_time_seconds", "Time.", histogram);
  EXPECT_EQ(text.text(),
            "# HELP waybill_orders_total Orders.\n"
            "# TYPE waybill_orders_total counter\n"
            "waybill_orders_total 12\n"
            "# HELP waybill_info Which.\n"
            "# TYPE waybill_info gauge\n"
            "waybill_info{a=\"x\",b=\"quoted \\\" back\\\\slash\\nline\"} 0.5\n"
            "# HELP waybill_time_seconds Time.\n"
            "# TYPE waybill_time_seconds histogram\n"
            "waybill_time_seconds_bucket{le=\"0.005\"} 1\n"
            "waybill_time_seconds_bucket{le=\"1\"} 1\n"
            "waybill_time_seconds_bucket{le=\"10\"} 2\n"
            "waybill_time_seconds_bucket{le=\"+Inf\"} 2\n"
            "waybill_time_seconds_sum 2.501\n"
            "waybill_time_seconds_count 2\n");
}

TEST(MetricsText, WritesALargeCountInFull) {
  MetricsText text;
  text.counter("n", "N.", 1234567890123);
  EXPECT_NE(text.text().find("\nn 1234567890123\n"), std::string::npos);
}

}  // namespace
}  // namespace waybill
