// What waits for one endpoint, here and (as far as this node knows) in the store: what the
// dispatcher keeps for each endpoint that is owed something.

#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <unordered_set>
#include <utility>

#include "delivery/endpoint_directory.h"
#include "delivery/units.h"

namespace waybill::delivery {

struct EndpointQueue {
  // Of keys with news so many are known one by one; beyond that all are looked at.
  static constexpr std::size_t kNewKeysMax = 256;
  // Looking at all keys may take a fraction of the time: an index step each.
  static constexpr std::int64_t kKeysPerMillisecond = 50;

  model::WorkspaceId workspace;
  model::EndpointId endpoint;
  std::shared_ptr<const Target> target;  // Null until it is needed, and again when it has changed.
  Timestamp target_read_at{};
  std::deque<Held> ready;
  std::optional<Timestamp> due;  // When the store has something for it. Nothing: not that we know.
  std::optional<Timestamp> alarm;                                 // Its place among the alarms.
  std::chrono::sys_time<std::chrono::microseconds> next_start{};  // Its rate allows none before.
  std::optional<Order> order;  // As its endpoint's, which never changes. Nothing: not known yet.
  // By key: those of which something new has come; the last one that was claimed when all were
  // looked at, so that each has its turn; and when all are looked at again, at the earliest.
  std::set<std::int64_t> new_keys;
  std::int64_t last_key = store::deliveries::kBeforeAllKeys;
  Timestamp next_look{};
  int failures = 0;            // In a row, as stored when this node last saw it …
  int failures_recording = 0;  // … and those on their way there.
  int in_flight = 0;
  int recording = 0;
  int releasing = 0;
  bool loading = false;
  bool changed = false;  // While it was being loaded.
  bool claiming = false;
  bool has_turn = false;
  bool congested = false;

  // Of what is made in strict order nothing is claimed while one is in hand.
  bool may_claim() const {
    return order != Order::kStrict ||
           (ready.empty() && in_flight == 0 && recording == 0 && releasing == 0);
  }
  // When there is something to claim, as far as is known.
  std::optional<Timestamp> claim_at(Timestamp now) const;
  // Whether more waits in the store than there is room for here.
  bool has_backlog(Timestamp now) const { return (due && *due <= now) || !new_keys.empty(); }
  // The store has a new delivery for it.
  void note_new(const model::Delivery& delivery, Timestamp now);
  // What to claim now. What is known of it is forgotten: what is noted meanwhile is news.
  Claim begin_claim(Timestamp now, const store::deliveries::Lease& lease, std::size_t limit);
  // `claimed` is what came of it.
  void end_claim(const Claim& asked, const Claimed& claimed, Timestamp now);

  bool is_idle(Timestamp now) const {
    return ready.empty() && !due && new_keys.empty() && next_start <= now && in_flight == 0 &&
           recording == 0 && releasing == 0 && !loading && !claiming && !has_turn;
  }
};

inline void make_earlier(std::optional<Timestamp>& time, Timestamp candidate) {
  if (!time || candidate < *time) time = candidate;
}

inline std::optional<Timestamp> EndpointQueue::claim_at(Timestamp now) const {
  if (!new_keys.empty()) return now;
  return due ? std::optional(std::max(*due, next_look)) : std::nullopt;
}

inline void EndpointQueue::note_new(const model::Delivery& delivery, Timestamp now) {
  const Timestamp due_at = delivery.due_at.value_or(now);
  if (!delivery.order_key || due_at > now || new_keys.size() >= kNewKeysMax) {
    make_earlier(due, due_at);
  } else {
    new_keys.insert(*delivery.order_key);
  }
}

inline Claim EndpointQueue::begin_claim(Timestamp now, const store::deliveries::Lease& lease,
                                        std::size_t limit) {
  claiming = true;
  Claim asked{workspace, endpoint, now, lease, static_cast<int>(limit), order, {}, last_key};
  if (due && std::max(*due, next_look) <= now) {
    due.reset();
    new_keys.clear();
    return asked;
  }
  while (!new_keys.empty() && asked.keys.size() < limit) {
    asked.keys.push_back(*new_keys.begin());
    new_keys.erase(new_keys.begin());
  }
  return asked;
}

inline void EndpointQueue::end_claim(const Claim& asked, const Claimed& claimed, Timestamp now) {
  if (claimed.next_due) make_earlier(due, *claimed.next_due);
  if (!asked.keys.empty()) return;
  last_key = store::deliveries::kBeforeAllKeys;
  if (claimed.keys > 0) {
    // All were looked at, in vain: that is not done over and over where there are many.
    next_look = now + std::chrono::milliseconds(claimed.keys / kKeysPerMillisecond);
    return;
  }
  std::int64_t highest = last_key;
  for (const Held& held : claimed.held) {
    const std::int64_t key = held.delivery.order_key.value_or(last_key);
    highest = std::max(highest, key);
    // Those that came before asked.after_key were claimed the second time round.
    if (key <= asked.after_key) last_key = std::max(last_key, key);
  }
  if (last_key == store::deliveries::kBeforeAllKeys) last_key = highest;
}

// The endpoints whose new deliveries go to the store. Whoever was told of them keeps what it has.
class Congestion {
 public:
  using Endpoints = std::unordered_set<model::EndpointId>;

  void set(const model::EndpointId& endpoint, bool congested) {
    auto changed =
        endpoints_ ? std::make_shared<Endpoints>(*endpoints_) : std::make_shared<Endpoints>();
    if (congested) {
      changed->insert(endpoint);
    } else {
      changed->erase(endpoint);
    }
    endpoints_ = std::move(changed);
  }
  // Null: there was none yet.
  const std::shared_ptr<const Endpoints>& endpoints() const { return endpoints_; }

 private:
  std::shared_ptr<const Endpoints> endpoints_;
};

}  // namespace waybill::delivery
