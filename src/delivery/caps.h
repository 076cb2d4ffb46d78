// How fast one endpoint may be sent to. Its cap of requests in flight and its rate are shared by
// all live nodes, in equal parts: no node asks another one before it sends.
//
// So the caps hold approximately. Each node may have one request in flight, also where there are
// more nodes than the cap allows requests; and for some seconds after a node has come or gone, the
// others count it wrongly.

#pragma once

#include <algorithm>
#include <chrono>

#include "delivery/endpoint_queue.h"

namespace waybill::delivery {

class Caps {
 public:
  // `usual`: requests in flight to one endpoint, unless it says otherwise; `failing`: the most
  // while it fails.
  Caps(int usual, int failing) : usual_(usual), failing_(failing) {}

  // So many nodes are live, this one included. Returns whether that is news.
  bool set_nodes(int live) {
    const int before = std::exchange(nodes_, std::max(1, live));
    return nodes_ != before;
  }
  int nodes() const { return nodes_; }

  // How many requests this node may have in flight to it. Requires: queue.target.
  int in_flight_max(const EndpointQueue& queue) const {
    return std::max(1, of_all_nodes(queue) / nodes_);
  }

  // How long its rate allows this node no other attempt after one has begun; 0 without a rate.
  std::chrono::microseconds between_attempts(const Target& target) const {
    const auto rate = target.endpoint.overrides.rate_per_second;
    return std::chrono::microseconds(rate ? std::int64_t{1'000'000} * nodes_ / *rate : 0);
  }

 private:
  int of_all_nodes(const EndpointQueue& queue) const {
    if (queue.target->endpoint.in_order) return 1;
    const int most = queue.target->endpoint.overrides.in_flight_max.value_or(usual_);
    const int failed = queue.failures + queue.failures_recording;
    if (failed == 0) return most;
    // No more than may still fail before it is switched off.
    const int limit = queue.target->deactivation.after;
    const int left = limit > 0 ? std::max(1, limit - failed) : most;
    return std::min({most, left, failing_});
  }

  const int usual_;
  const int failing_;
  int nodes_ = 1;
};

}  // namespace waybill::delivery
