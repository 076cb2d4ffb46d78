#include "bench/ledger/report.h"

#include <utility>

#include <boost/json/array.hpp>
#include <fmt/format.h>

namespace waybill::bench {
namespace json = boost::json;
namespace {

double millis(std::int64_t micros) { return static_cast<double>(micros) / 1000.0; }

json::object latencies(const Histogram& histogram) {
  return {{"count", histogram.count()},
          {"p50", millis(histogram.micros_at(0.50))},
          {"p90", millis(histogram.micros_at(0.90))},
          {"p99", millis(histogram.micros_at(0.99))},
          {"p999", millis(histogram.micros_at(0.999))},
          {"max", millis(histogram.max_micros())}};
}

double per_second(std::uint64_t count, Moment first, Moment last) {
  const std::int64_t micros = micros_between(first, last);
  return micros > 0 ? static_cast<double>(count) * 1e6 / static_cast<double>(micros) : 0.0;
}

json::object load_report(const Load& load) {
  json::object refused;
  json::object refusals;
  std::uint64_t refused_total = 0;
  for (const auto& [status, why] : load.refusals) refusals[std::to_string(status)] = why;
  for (const auto& [status, count] : load.refused) {
    refused[std::to_string(status)] = count;
    refused_total += count;
  }
  return {{"posted", load.orders.size()},
          {"acknowledged", load.acknowledged},
          {"replayed", load.replayed},
          {"reposted", load.reposted},
          {"refused", refused_total},
          {"refused_by_status", std::move(refused)},
          {"refusals", std::move(refusals)},
          {"refused_without_retry_after", load.refused_without_retry_after},
          {"deferred", load.deferred},
          {"deferred_without_retry_after", load.deferred_without_retry_after},
          {"unresolved", load.unresolved},
          {"contradicted", load.contradicted},
          {"orders_per_second", per_second(load.acknowledged, load.first, load.last)},
          {"answer_ms", latencies(load.latency)}};
}

json::object group_report(const Ledger& ledger, std::uint32_t index, bool takes_all) {
  const Group& group = ledger.groups()[index];
  json::object by_load;
  std::uint64_t distinct = 0;
  for (const auto& [load, receipts] : group.receipts) {
    distinct += receipts.distinct;
    by_load[ledger.loads()[load].name] = {
        {"received", receipts.distinct},
        {"webhooks_per_second", per_second(receipts.distinct, receipts.first, receipts.last)},
        {"received_ms", latencies(receipts.latency)}};
  }
  std::vector<std::string> examples;
  const std::uint64_t lost = takes_all ? ledger.lost(index, &examples) : 0;
  return {{"endpoints", group.members},
          {"takes_all", takes_all},
          {"tries", group.tries},
          {"received", distinct},
          {"lost", lost},
          {"lost_examples", json::array(examples.begin(), examples.end())},
          {"duplicated", group.duplicated},
          {"duplicates_most", group.duplicates_most},
          {"corrupted", group.corrupted},
          {"invented", group.invented + ledger.refused_yet_received(index)},
          {"loads", std::move(by_load)}};
}

void add_up(json::object& total, const json::object& part,
            std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    json::value& sum = total[name];
    sum = (sum.is_null() ? 0 : sum.to_number<std::uint64_t>()) +
          part.at(name).to_number<std::uint64_t>();
  }
}

json::array outages(const Ledger& ledger) {
  json::array all;
  for (const auto& [began, ended] : ledger.outages()) {
    json::object outage = {{"began", monotonic_seconds(began)}, {"ended", nullptr}};
    if (ended) outage["ended"] = monotonic_seconds(*ended);
    all.push_back(std::move(outage));
  }
  return all;
}

std::uint64_t number(const json::object& object, std::string_view name) {
  return object.at(name).to_number<std::uint64_t>();
}

std::string latency_words(const json::object& ms) {
  const auto at = [&](std::string_view name) { return ms.at(name).to_number<double>(); };
  return fmt::format("p50 {:.2f}  p90 {:.2f}  p99 {:.2f}  p99.9 {:.2f}  max {:.2f} ms", at("p50"),
                     at("p90"), at("p99"), at("p999"), at("max"));
}

}  // namespace

json::object report(const Ledger& ledger, const std::vector<bool>& takes_all) {
  json::object loads;
  json::object endpoints;
  json::object total;
  for (const Load& load : ledger.loads()) {
    json::object part = load_report(load);
    add_up(total, part, {"posted", "acknowledged", "refused", "unresolved", "contradicted"});
    loads[load.name] = std::move(part);
  }
  for (std::uint32_t index = 0; index < ledger.groups().size(); ++index) {
    json::object part = group_report(ledger, index, takes_all[index]);
    add_up(total, part, {"received", "lost", "duplicated", "corrupted", "invented"});
    endpoints[ledger.groups()[index].name] = std::move(part);
  }
  const auto& complaints = ledger.complaints();
  return {{"total", std::move(total)},
          {"loads", std::move(loads)},
          {"endpoints", std::move(endpoints)},
          {"outages", outages(ledger)},
          {"complaints", json::array(complaints.begin(), complaints.end())}};
}

std::string in_words(const json::object& report) {
  std::string text;
  for (const auto& [name, value] : report.at("loads").as_object()) {
    const json::object& load = value.as_object();
    text += fmt::format(
        "load {}: {} posted, {} acknowledged, {} refused, {} unresolved; {:.0f} orders/s\n"
        "  post to answer    {}\n",
        std::string_view(name), number(load, "posted"), number(load, "acknowledged"),
        number(load, "refused"), number(load, "unresolved"),
        load.at("orders_per_second").to_number<double>(),
        latency_words(load.at("answer_ms").as_object()));
  }
  for (const auto& [name, value] : report.at("endpoints").as_object()) {
    const json::object& endpoint = value.as_object();
    text += fmt::format(
        "endpoint {}: {} received, {} lost, {} duplicated, {} corrupted, {} invented; {} tries\n",
        std::string_view(name), number(endpoint, "received"), number(endpoint, "lost"),
        number(endpoint, "duplicated"), number(endpoint, "corrupted"), number(endpoint, "invented"),
        number(endpoint, "tries"));
    for (const auto& [load, receipts] : endpoint.at("loads").as_object()) {
      text += fmt::format("  post to received  {}  ({:.0f}/s, load {})\n",
                          latency_words(receipts.at("received_ms").as_object()),
                          receipts.at("webhooks_per_second").to_number<double>(),
                          std::string_view(load));
    }
  }
  for (const json::value& complaint : report.at("complaints").as_array()) {
    text += fmt::format("! {}\n", std::string_view(complaint.as_string()));
  }
  return text;
}

bool is_clean(const json::object& report) {
  const json::object& total = report.at("total").as_object();
  for (const std::string_view name :
       {"lost", "corrupted", "invented", "contradicted", "unresolved"}) {
    if (total.contains(name) && number(total, name) != 0) return false;
  }
  return true;
}

}  // namespace waybill::bench
