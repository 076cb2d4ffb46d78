// What a part of the hub counts of itself, and the text in which Prometheus reads it (exposition
// format 0.0.4).
//
// A counter or a gauge is a plain number in the struct of the part that counts: adding to it costs
// an instruction. A Histogram costs a search through a dozen bounds. Neither has a lock: it belongs
// to one thread, or to whoever holds the lock of its part.

#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace waybill {

// How often a value was in which range, and the sum of all.
class Histogram {
 public:
  // `bounds`: upper bounds, ascending; a constant that outlives every copy.
  explicit Histogram(std::span<const double> bounds)
      : bounds_(bounds), counts_(bounds.size() + 1) {}

  void observe(double value) {
    std::size_t range = 0;
    while (range < bounds_.size() && value > bounds_[range]) ++range;
    ++counts_[range];
    sum_ += value;
  }
  void observe(std::chrono::microseconds duration) {
    observe(static_cast<double>(duration.count()) / 1e6);
  }

  std::span<const double> bounds() const { return bounds_; }
  // Of each range; the last is above every bound.
  std::span<const std::uint64_t> counts() const { return counts_; }
  std::uint64_t count() const;
  double sum() const { return sum_; }

 private:
  std::span<const double> bounds_;
  std::vector<std::uint64_t> counts_;
  double sum_ = 0;
};

// Writes families of metrics, one after the other.
//
//   MetricsText text;
//   text.counter("waybill_orders_accepted_total", "Orders that were new.", orders);
//   text.begin("waybill_attempts_total", "counter", "Attempts by outcome.");
//   for (…) text.sample(count, {{"outcome", name}});
class MetricsText {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // Begins a family. `type`: counter, gauge or histogram. `help`: one sentence.
  void begin(std::string_view name, std::string_view type, std::string_view help);
  // One value of the family begun last.
  void sample(double value, Labels labels = {}) { append(name_, "", value, labels, {}); }
  void sample(const Histogram& histogram, Labels labels = {});

  // A family of one value.
  void counter(std::string_view name, std::string_view help, std::uint64_t value);
  void gauge(std::string_view name, std::string_view help, double value);
  void histogram(std::string_view name, std::string_view help, const Histogram& histogram);

  const std::string& text() const { return text_; }

 private:
  void append(std::string_view name, std::string_view suffix, double value, Labels labels,
              std::string_view bound);

  std::string name_;
  std::string text_;
};

}  // namespace waybill
