// What waits for one endpoint, here and (as far as this node knows) in the store: what the
// dispatcher keeps for each endpoint that is owed something.

#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>

#include "delivery/endpoint_directory.h"
#include "delivery/units.h"

namespace waybill::delivery {

struct EndpointQueue {
  model::WorkspaceId workspace;
  model::EndpointId endpoint;
  std::shared_ptr<const Target> target;  // Null until it is needed, and again when it has changed.
  Timestamp target_read_at{};
  std::deque<Held> ready;
  std::optional<Timestamp> due;  // When the store has something for it. Nothing: not that we know.
  std::optional<Timestamp> alarm;                                 // Its place among the alarms.
  std::chrono::sys_time<std::chrono::microseconds> next_start{};  // Its rate allows none before.
  std::optional<bool> in_order;  // As its endpoint is, which never changes. Nothing: not known yet.
  int failures = 0;              // In a row, as stored when this node last saw it …
  int failures_recording = 0;    // … and those on their way there.
  int in_flight = 0;
  int recording = 0;
  int releasing = 0;
  bool loading = false;
  bool changed = false;  // While it was being loaded.
  bool claiming = false;
  bool has_turn = false;
  bool congested = false;

  // Of what is made in order nothing is claimed while one is in hand.
  bool may_claim() const {
    return !in_order.value_or(false) ||
           (ready.empty() && in_flight == 0 && recording == 0 && releasing == 0);
  }
  bool is_idle(Timestamp now) const {
    return ready.empty() && !due && next_start <= now && in_flight == 0 && recording == 0 &&
           releasing == 0 && !loading && !claiming && !has_turn;
  }
};

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

inline void make_earlier(std::optional<Timestamp>& time, Timestamp candidate) {
  if (!time || candidate < *time) time = candidate;
}

}  // namespace waybill::delivery
