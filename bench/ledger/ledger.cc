#include "bench/ledger/ledger.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "base/check.h"

namespace waybill::bench {
namespace {

constexpr std::size_t kComplaintsMax = 20;
constexpr std::size_t kExamplesMax = 10;
constexpr std::size_t kRefusalMax = 300;
// A growing table stands still for a while, which would be read as the hub's latency.
constexpr std::size_t kIdsAtFirst = 1 << 20;

std::optional<std::uint32_t> read_number(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::size_t Ledger::IdHash::operator()(const Id& id) const {
  std::uint64_t halves[2];
  std::memcpy(halves, id.data(), sizeof halves);
  return halves[0] * 0x9e3779b97f4a7c15ULL ^ halves[1];
}

Ledger::Ledger(std::string run) : prefix_("L" + std::move(run) + "-") { ids_.reserve(kIdsAtFirst); }

std::uint32_t Ledger::add_group(std::string name, std::uint32_t members) {
  WAYBILL_CHECK(members >= 1, "a group has an endpoint");
  Group& group = groups_.emplace_back();
  group.name = std::move(name);
  group.members = members;
  return static_cast<std::uint32_t>(groups_.size() - 1);
}

std::uint32_t Ledger::add_load(std::string name, std::string workspace, std::string supplier,
                               std::vector<std::uint32_t> groups) {
  Load& load = loads_.emplace_back();
  load.name = std::move(name);
  load.workspace = std::move(workspace);
  load.supplier = std::move(supplier);
  load.groups = std::move(groups);
  return static_cast<std::uint32_t>(loads_.size() - 1);
}

bool Ledger::keep_journal(const std::string& path) {
  journal_.open(path, std::ios::app);
  return journal_.is_open();
}

OrderKey Ledger::begin(std::uint32_t load, Moment intended) {
  Load& into = loads_[load];
  if (into.orders.empty()) into.first = into.last = intended;
  into.orders.emplace_back().intended = intended;
  return {load, static_cast<std::uint32_t>(into.orders.size() - 1)};
}

std::string Ledger::number_of(OrderKey key) const {
  return fmt::format("{}{}-{:09}", prefix_, key.load, key.index);
}

std::optional<OrderKey> Ledger::find(std::string_view number) const {
  if (!number.starts_with(prefix_)) return std::nullopt;
  number.remove_prefix(prefix_.size());
  const auto dash = number.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto load = read_number(number.substr(0, dash));
  const auto index = read_number(number.substr(dash + 1));
  if (!load || !index || *load >= loads_.size() || *index >= loads_[*load].orders.size()) {
    return std::nullopt;
  }
  return OrderKey{*load, *index};
}

bool Ledger::learn_id(OrderKey key, const Id& id, Id& place, bool& has) {
  if (has) return place == id;
  const auto [known, is_new] = ids_.try_emplace(id, key);
  if (!is_new) return false;
  place = id;
  has = true;
  return true;
}

void Ledger::acknowledge(OrderKey key, const Id& order_id, bool replay, Moment now) {
  Load& load = loads_[key.load];
  Order& order = load.orders[key.index];
  WAYBILL_CHECK(order.state == Order::State::kPosting, "an order ends once");
  order.state = Order::State::kAcknowledged;
  ++load.acknowledged;
  if (replay) ++load.replayed;
  load.last = std::max(load.last, now);
  load.latency.add(micros_between(order.intended, now));
  if (!learn_id(key, order_id, order.order_id, order.has_order_id)) {
    ++load.contradicted;
    complain(
        fmt::format("order {} was acknowledged as {}, which its webhook or another order "
                    "contradicts",
                    number_of(key), id_text(order_id)));
  }
  if (!outages_.empty() && !outages_.back().second) outages_.back().second = now;
  if (journal_.is_open()) journal_ << number_of(key) << ' ' << id_text(order_id) << std::endl;
}

void Ledger::refuse(OrderKey key, int status, bool has_retry_after, std::string_view why) {
  Load& load = loads_[key.load];
  Order& order = load.orders[key.index];
  WAYBILL_CHECK(order.state == Order::State::kPosting, "an order ends once");
  order.state = Order::State::kRefused;
  ++load.refused[status];
  load.refusals.try_emplace(status, why.substr(0, kRefusalMax));
  if (!has_retry_after) ++load.refused_without_retry_after;
}

void Ledger::defer(OrderKey key, bool has_retry_after) {
  Load& load = loads_[key.load];
  ++load.deferred;
  if (!has_retry_after) ++load.deferred_without_retry_after;
}

void Ledger::give_up(OrderKey key) {
  Load& load = loads_[key.load];
  load.orders[key.index].state = Order::State::kUnresolved;
  ++load.unresolved;
}

void Ledger::broken(Moment now) {
  if (outages_.empty() || outages_.back().second) outages_.emplace_back(now, std::nullopt);
}

std::string Ledger::compare(OrderKey key, const Webhook& webhook) const {
  const Load& load = loads_[key.load];
  if (webhook.workspace != load.workspace) return "another workspace's";
  if (webhook.supplier_name != load.supplier) return "to another supplier";
  if (webhook.status != "needs_review") return "in another status";
  if (webhook.lines != lines_of(key.index)) return "with other lines";
  return {};
}

Ledger::Try Ledger::judge(std::uint32_t group_index, std::uint32_t member,
                          const std::expected<Webhook, std::string>& read) {
  Group& group = groups_[group_index];
  ++group.tries;
  if (!read) {
    ++group.corrupted;
    complain(fmt::format("a webhook to {} is corrupted: {}", group.name, read.error()));
    return {.verdict = Try::Verdict::kCorrupted, .key = {}};
  }
  const auto key = find(read->number);
  if (!key) {
    ++group.invented;
    complain(fmt::format("a webhook to {} is of order '{}', which nobody has posted", group.name,
                         read->number));
    return {.verdict = Try::Verdict::kInvented, .key = {}};
  }
  Order& order = loads_[key->load].orders[key->index];
  std::string difference = compare(*key, *read);
  if (difference.empty() && !learn_id(*key, read->order_id, order.order_id, order.has_order_id)) {
    difference = "with another order's id";
  }
  if (!difference.empty()) {
    ++group.corrupted;
    complain(
        fmt::format("a webhook to {} of order {} is {}", group.name, read->number, difference));
    return {.verdict = Try::Verdict::kCorrupted, .key = {}};
  }
  if (!learn_id(*key, read->event_id, order.event_id, order.has_event_id)) {
    ++group.invented;
    complain(fmt::format("a webhook to {} tells of order {} by another event, {}", group.name,
                         read->number, id_text(read->event_id)));
    return {.verdict = Try::Verdict::kInvented, .key = {}};
  }
  auto& tries = cell(group_index, member, *key).tries;
  tries = static_cast<std::uint16_t>(std::min(tries + 1, 0xffff));
  return {.verdict = Try::Verdict::kGood, .key = *key, .number = tries};
}

Receipts::Cell& Ledger::cell(std::uint32_t group_index, std::uint32_t member, OrderKey key) {
  Group& group = groups_[group_index];
  WAYBILL_CHECK(member < group.members, "an endpoint of the group");
  auto& cells = group.receipts[key.load].cells;
  const std::size_t at = std::size_t{key.index} * group.members + member;
  if (at >= cells.size()) cells.resize((std::size_t{key.index} + 1) * group.members);
  return cells[at];
}

void Ledger::take(std::uint32_t group_index, std::uint32_t member, const Try& attempt, Moment now) {
  Group& group = groups_[group_index];
  Receipts::Cell& received = cell(group_index, member, attempt.key);
  Receipts& receipts = group.receipts[attempt.key.load];
  ++group.taken;
  received.taken = static_cast<std::uint16_t>(std::min(received.taken + 1, 0xffff));
  if (received.taken > 1) {
    ++group.duplicated;
    group.duplicates_most = std::max<std::uint64_t>(group.duplicates_most, received.taken - 1U);
    return;
  }
  if (receipts.distinct++ == 0) receipts.first = now;
  receipts.last = now;
  const Order& order = loads_[attempt.key.load].orders[attempt.key.index];
  receipts.latency.add(micros_between(order.intended, now));
}

std::uint64_t Ledger::lost(std::uint32_t group_index, std::vector<std::string>* examples) const {
  const Group& group = groups_[group_index];
  std::uint64_t lost = 0;
  for (std::uint32_t load = 0; load < loads_.size(); ++load) {
    if (std::ranges::count(loads_[load].groups, group_index) == 0) continue;
    const auto found = group.receipts.find(load);
    const auto& orders = loads_[load].orders;
    for (std::uint32_t index = 0; index < orders.size(); ++index) {
      if (orders[index].state != Order::State::kAcknowledged) continue;
      for (std::uint32_t member = 0; member < group.members; ++member) {
        const std::size_t at = std::size_t{index} * group.members + member;
        const bool taken = found != group.receipts.end() && at < found->second.cells.size() &&
                           found->second.cells[at].taken > 0;
        if (taken) continue;
        ++lost;
        if (examples && examples->size() < kExamplesMax) {
          examples->push_back(
              fmt::format("{} at {}.{}", number_of({load, index}), group.name, member));
        }
      }
    }
  }
  return lost;
}

std::uint64_t Ledger::refused_yet_received(std::uint32_t group_index) const {
  const Group& group = groups_[group_index];
  std::uint64_t count = 0;
  for (const auto& [load, receipts] : group.receipts) {
    for (std::size_t at = 0; at < receipts.cells.size(); ++at) {
      const Order& order = loads_[load].orders[at / group.members];
      if (order.state == Order::State::kRefused && receipts.cells[at].taken > 0) ++count;
    }
  }
  return count;
}

bool Ledger::everything_has_come(std::uint32_t group_index) const {
  const Group& group = groups_[group_index];
  for (std::uint32_t load = 0; load < loads_.size(); ++load) {
    if (std::ranges::count(loads_[load].groups, group_index) == 0) continue;
    const auto found = group.receipts.find(load);
    const std::uint64_t distinct = found == group.receipts.end() ? 0 : found->second.distinct;
    if (distinct < loads_[load].acknowledged * group.members) return false;
  }
  // Some of these may be of orders that were refused or given up, so this must be looked at.
  return lost(group_index) == 0;
}

void Ledger::complain(std::string what) {
  if (complaints_.size() < kComplaintsMax) complaints_.push_back(std::move(what));
}

}  // namespace waybill::bench
