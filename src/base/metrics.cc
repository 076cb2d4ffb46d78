#include "base/metrics.h"

#include <cmath>
#include <iterator>
#include <numeric>

#include <fmt/format.h>

namespace waybill {
namespace {

void append_number(std::string& text, double value) {
  constexpr double kExact = 9007199254740992.0;  // 2^53: beyond it a double skips integers.
  if (value == std::floor(value) && std::abs(value) < kExact) {
    fmt::format_to(std::back_inserter(text), "{}", static_cast<std::int64_t>(value));
  } else {
    fmt::format_to(std::back_inserter(text), "{}", value);
  }
}

void append_label(std::string& text, char before, std::string_view name, std::string_view value) {
  text += before;
  text.append(name).append("=\"");
  for (const char c : value) {
    if (c == '\n') {
      text += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') text += '\\';
    text += c;
  }
  text += '"';
}

}  // namespace

std::uint64_t Histogram::count() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

void MetricsText::begin(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void MetricsText::sample(const Histogram& histogram, Labels labels) {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < histogram.bounds().size(); ++i) {
    below += histogram.counts()[i];
    append(name_, "_bucket", static_cast<double>(below), labels,
           fmt::format("{}", histogram.bounds()[i]));
  }
  const auto count = static_cast<double>(histogram.count());
  append(name_, "_bucket", count, labels, "+Inf");
  append(name_, "_sum", histogram.sum(), labels, {});
  append(name_, "_count", count, labels, {});
}

void MetricsText::counter(std::string_view name, std::string_view help, std::uint64_t value) {
  begin(name, "counter", help);
  sample(static_cast<double>(value));
}

void MetricsText::gauge(std::string_view name, std::string_view help, double value) {
  begin(name, "gauge", help);
  sample(value);
}

void MetricsText::histogram(std::string_view name, std::string_view help,
                            const Histogram& histogram) {
  begin(name, "histogram", help);
  sample(histogram);
}

void MetricsText::append(std::string_view name, std::string_view suffix, double value,
                         Labels labels, std::string_view bound) {
  text_.append(name).append(suffix);
  char before = '{';
  for (const auto& [label, text] : labels) {
    append_label(text_, std::exchange(before, ','), label, text);
  }
  if (!bound.empty()) append_label(text_, std::exchange(before, ','), "le", bound);
  if (before != '{') text_ += '}';
  text_ += ' ';
  append_number(text_, value);
  text_ += '\n';
}

}  // namespace waybill
