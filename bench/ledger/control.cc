#include "bench/ledger/control.h"

#include <algorithm>
#include <string>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "bench/ledger/report.h"

namespace waybill::bench {
namespace json = boost::json;
namespace {

std::unexpected<Error> refuse(std::string why) {
  return fail(Code::kInvalid, "control_invalid", std::move(why));
}

std::string text_of(const json::object& members, std::string_view name) {
  const json::value* value = members.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

// A text, or a list of them.
std::vector<std::string> texts_of(const json::object& members, std::string_view name) {
  const json::value* value = members.if_contains(name);
  if (!value || !value->is_array()) return {text_of(members, name)};
  std::vector<std::string> texts;
  for (const json::value& each : value->get_array()) {
    texts.emplace_back(each.is_string() ? std::string_view(each.get_string()) : "");
  }
  return texts;
}

double number_of(const json::object& members, std::string_view name, double otherwise) {
  const json::value* value = members.if_contains(name);
  return value && value->is_number() ? value->to_number<double>() : otherwise;
}

std::chrono::milliseconds seconds_of(const json::object& members, std::string_view name,
                                     double otherwise) {
  const double seconds = std::clamp(number_of(members, name, otherwise), 0.0, 86'400.0);
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

}  // namespace

ControlAnswer Control::handle(std::string_view method, std::string_view path,
                              std::string_view body) {
  if (method == "GET" && path == "/state") return {.body = json::serialize(state())};
  if (method == "GET" && path == "/report") {
    return {.body = json::serialize(report(ledger_, endpoints_.takes_all()))};
  }
  if (method == "GET" && path == "/report.txt") {
    return {.body = in_words(report(ledger_, endpoints_.takes_all())),
            .media_type = "text/plain; charset=utf-8"};
  }
  const auto done = act(path, body);
  if (done) return {.body = "{}"};
  return {.status = done.error().code == Code::kNotFound ? 404 : 400,
          .body = json::serialize(json::object{{"error", done.error().message}})};
}

Result<void> Control::act(std::string_view path, std::string_view body) {
  boost::system::error_code error;
  const json::value value = json::parse(body, error);
  if (error || !value.is_object()) return refuse("The body is a JSON object.");
  const json::object& members = value.get_object();
  if (path == "/control/load") {
    auto plan = read_plan(members);
    if (!plan) return fail(plan.error());
    return poster_.start(*std::move(plan));
  }
  if (path == "/control/stop") {
    if (poster_.stop(text_of(members, "load"))) return {};
    return fail(Code::kNotFound, "load_not_found", "There is no such load.");
  }
  if (path == "/control/behave") {
    return endpoints_.behave(text_of(members, "endpoint"), text_of(members, "behaviour"));
  }
  return fail(Code::kNotFound, "path_not_found", fmt::format("There is nothing at {}.", path));
}

Result<LoadPlan> Control::read_plan(const json::object& members) const {
  LoadPlan plan;
  plan.name = text_of(members, "name");
  if (plan.name.empty()) return refuse("A load has a name.");
  plan.workspace = text_of(members, "workspace");
  plan.target.key = text_of(members, "key");
  plan.target.supplier = text_of(members, "supplier");
  for (const std::string& url : texts_of(members, "orders_url")) {
    WAYBILL_TRY(add_orders_url(plan, url));
  }
  const json::value* keyed = members.if_contains("idempotency_key");
  plan.target.keyed = !keyed || !keyed->is_bool() || keyed->get_bool();
  plan.connections = static_cast<int>(number_of(members, "connections", plan.connections));
  plan.rate = number_of(members, "rate", 0);
  plan.orders = static_cast<std::uint64_t>(std::max(0.0, number_of(members, "orders", 0)));
  plan.seconds = number_of(members, "seconds", 0);
  plan.patience = seconds_of(members, "patience_seconds", 60);
  plan.answer_wait = seconds_of(members, "answer_seconds", 30);
  const json::value* endpoints = members.if_contains("endpoints");
  if (!endpoints || !endpoints->is_array()) return refuse("endpoints is a list of names.");
  for (const json::value& name : endpoints->get_array()) {
    const auto group = name.is_string() ? endpoints_.find_group(std::string_view(name.get_string()))
                                        : std::nullopt;
    if (!group) return refuse("endpoints names one that there is not.");
    plan.groups.push_back(*group);
  }
  return plan;
}

bool Control::is_complete() const {
  if (!poster_.running().empty()) return false;
  const std::vector<bool> takes_all = endpoints_.takes_all();
  for (std::uint32_t group = 0; group < takes_all.size(); ++group) {
    if (takes_all[group] && !ledger_.everything_has_come(group)) return false;
  }
  return true;
}

json::object Control::state() const {
  json::object loads;
  json::object endpoints;
  for (const Load& load : ledger_.loads()) {
    std::uint64_t refused = 0;
    for (const auto& [status, count] : load.refused) refused += count;
    loads[load.name] = {{"posted", load.orders.size()},
                        {"acknowledged", load.acknowledged},
                        {"refused", refused},
                        {"unresolved", load.unresolved}};
  }
  for (const Group& group : ledger_.groups()) {
    endpoints[group.name] = {{"tries", group.tries}, {"taken", group.taken}};
  }
  json::value last_outage = nullptr;
  if (!ledger_.outages().empty()) {
    const auto& [began, ended] = ledger_.outages().back();
    json::object outage = {{"began", monotonic_seconds(began)}, {"ended", nullptr}};
    if (ended) outage["ended"] = monotonic_seconds(*ended);
    last_outage = std::move(outage);
  }
  const auto running = poster_.running();
  return {{"running", json::array(running.begin(), running.end())},
          {"complete", is_complete()},
          {"loads", std::move(loads)},
          {"endpoints", std::move(endpoints)},
          {"last_outage", std::move(last_outage)}};
}

}  // namespace waybill::bench
