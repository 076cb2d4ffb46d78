// For how long a delivery is leased. A lease ends so late that no attempt outlasts it while its
// node is alive, and so soon that what a dead node held is not waited for much longer than it must
// be.

#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"
#include "delivery/endpoint_directory.h"
#include "store/deliveries.h"

namespace waybill::delivery {

class Leases {
 public:
  // What an attempt may take beyond its endpoint's timeout, until its outcome is recorded; less for
  // short leases. Real time.
  static constexpr std::chrono::seconds kRecordingMargin{10};

  using Lease = store::deliveries::Lease;

  // `shortest`: real time. The clock outlives it.
  Leases(const Clock& clock, const Uuid& node, std::chrono::milliseconds shortest)
      : clock_(clock),
        node_(node),
        shortest_(shortest),
        margin_(std::min<std::chrono::milliseconds>(kRecordingMargin, shortest / 4)) {}

  // There is an endpoint like this: what is accepted from now on is leased for long enough for it.
  void note(const Target& target) { longest_ = std::max(longest_, longest_attempt(target)); }

  // For what is accepted now, to whatever endpoint.
  Lease for_new() const { return lasting(longest_); }
  // For what is claimed. Null: the endpoint is not known yet.
  Lease for_claim(const Target* target) const {
    return lasting(target ? longest_attempt(*target) : longest_);
  }

  // True if an attempt that begins now is over, and recorded, before the lease ends.
  bool outlasts_attempt(const Lease& lease, const Target& target) const {
    return lease.until >= clock_.now() + clock_.hub_time(longest_attempt(target));
  }

 private:
  std::chrono::milliseconds longest_attempt(const Target& target) const {
    return target.timeout + margin_;
  }
  // Twice an attempt, so that it may wait for its turn first.
  Lease lasting(std::chrono::milliseconds attempt) const {
    return {node_, clock_.now() + clock_.hub_time(std::max(shortest_, 2 * attempt))};
  }

  const Clock& clock_;
  const Uuid node_;
  const std::chrono::milliseconds shortest_;
  const std::chrono::milliseconds margin_;
  std::chrono::milliseconds longest_{0};  // Of an attempt to any endpoint seen so far.
};

}  // namespace waybill::delivery
