// What a delivery costs beside sending it, for each built-in dialect. A Google Benchmark, so it
// takes their options (--benchmark_format=json …); rendering.py reads what it prints.
//
//   body/DIALECT       once per event and dialect: render_body()
//   delivery/DIALECT   once per delivery: the ids' texts, request_headers() and sign(), as
//                      WebhookChannel makes a request

#include <chrono>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/secret.h"
#include "dialect/dialect.h"
#include "dialect/loader.h"

namespace waybill::bench {
namespace {

// Every built-in dialect has a word for it, and an example.
constexpr std::string_view kEventType = "order.created";
// Of an event's data, as stored.
constexpr std::size_t kDataBytes = 500;
constexpr Timestamp kOccurredAt{std::chrono::milliseconds(1795235400123)};
constexpr Timestamp kSentAt{std::chrono::milliseconds(1795235461999)};

template <class T>
T expect(Result<T> result) {
  WAYBILL_CHECK(result.has_value(), result.error().message);
  return *std::move(result);
}

json::value padded_example(const dialect::Dialect& dialect) {
  const auto match = dialect.event_type_for(kEventType);
  WAYBILL_CHECK(match && match->listed, "the catalogue lists " + std::string(kEventType));
  json::value data = match->listed->example;
  data.as_object()["note"] = "";
  const std::size_t bytes = write_json(data).size();
  if (bytes < kDataBytes) data.as_object()["note"] = std::string(kDataBytes - bytes, 'x');
  return data;
}

// One event of a dialect, and a delivery of it to an endpoint with one secret.
class Sample {
 public:
  explicit Sample(const dialect::Dialect& dialect)
      : dialect_(dialect), data_(padded_example(dialect)), body_(render_body()) {
    if (!dialect_.signature) return;
    secrets_.push_back(dialect_.new_secret());
    const Result<void> verified =
        dialect::verify(dialect_, make_headers(), body_, secrets_, kSentAt);
    WAYBILL_CHECK(verified.has_value(), verified.error().message);
  }

  std::string render_body() const {
    return expect(dialect::render_body(dialect_, message(event_id_.text())));
  }

  std::vector<net::Header> make_headers() const {
    const std::string event_id = event_id_.text();
    const std::string delivery_id = delivery_id_.text();
    auto headers = expect(
        dialect::request_headers(dialect_, message(event_id),
                                 {.delivery_id = delivery_id, .number = 1, .sent_at = kSentAt}));
    auto signature = expect(dialect::sign(dialect_, headers, body_, kSentAt, secrets_));
    std::move(signature.begin(), signature.end(), std::back_inserter(headers));
    return headers;
  }

 private:
  dialect::Message message(std::string_view event_id) const {
    return {.event_id = event_id,
            .event_type = kEventType,
            .occurred_at = kOccurredAt,
            .subject = "01941f29-7c00-7aaa-8000-000000000001",
            .workspace_slug = "bench",
            .environment = "production",
            .data = &data_};
  }

  const dialect::Dialect& dialect_;
  const json::value data_;
  const Uuid event_id_ = Uuid::parse("01941f29-7c00-7ccc-8000-000000000003").value();
  const Uuid delivery_id_ = Uuid::parse("01941f29-7c00-7ddd-8000-000000000004").value();
  const std::string body_;
  std::vector<Secret> secrets_;
};

void measure_body(benchmark::State& state, const Sample& sample) {
  for (auto _ : state) benchmark::DoNotOptimize(sample.render_body());
}

void measure_delivery(benchmark::State& state, const Sample& sample) {
  for (auto _ : state) benchmark::DoNotOptimize(sample.make_headers());
}

// False if an option chose nothing.
bool measure_all() {
  const auto dialects = expect(dialect::DialectRegistry::load({}));
  std::vector<std::unique_ptr<const Sample>> samples;
  for (const std::string& name : dialects.names()) {
    // The hub's own tells of alerts alone.
    if (!dialects.find(name)->event_type_for("order.created")) continue;
    const Sample& sample =
        *samples.emplace_back(std::make_unique<const Sample>(*dialects.find(name)));
    benchmark::RegisterBenchmark(("body/" + name).c_str(), [&sample](benchmark::State& state) {
      measure_body(state, sample);
    });
    benchmark::RegisterBenchmark(("delivery/" + name).c_str(), [&sample](benchmark::State& state) {
      measure_delivery(state, sample);
    });
  }
  return benchmark::RunSpecifiedBenchmarks() > 0;
}

}  // namespace
}  // namespace waybill::bench

int main(int count, char** words) {
  benchmark::Initialize(&count, words);
  if (benchmark::ReportUnrecognizedArguments(count, words)) return 2;
  return waybill::bench::measure_all() ? 0 : 1;
}
