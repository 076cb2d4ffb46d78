// The simulated machine's time, and a hub's Clock on it.
//
// Time stands still while anything runs; the World moves it to the next thing that waits. The
// system's clock can be set at any moment, as an operator or a time daemon sets it; what has passed
// is not changed by that.

#pragma once

#include <chrono>
#include <map>
#include <optional>

#include "base/clock.h"
#include "base/hub_time.h"

namespace waybill::simulation {

using Millis = std::chrono::milliseconds;

struct Machine {
  Millis passed{0};  // Since the world began.
  Millis set_by{0};  // How far the system's clock was set, all in all.
  int times_set = 0;

  HubTime::Steady steady() const { return HubTime::Steady(std::chrono::hours(1) + passed); }
  HubTime::System system() const;
};

// The clock of one life of a hub. Reads the machine as SystemClock reads the real one: hub time is
// a HubTime, and waits are measured by what passes.
class VirtualClock final : public Clock {
 public:
  explicit VirtualClock(const Machine& machine);

  Timestamp now() const override;
  Timestamp wall_now() const override;
  Task<void> wait_until(Timestamp when, boost::asio::steady_timer& timer) override;
  // As a network deadline does: of real time. Sooner if `timer` is cancelled.
  Task<void> wait_for(Millis duration, boost::asio::steady_timer& timer);

  // When the first waiter is to be woken, in Machine::passed.
  std::optional<Millis> next_wake() const;
  // Wakes one whose time has come. Requires: there is one.
  void wake_next();

 private:
  const Machine& machine_;
  mutable HubTime time_;
  std::multimap<Millis, boost::asio::steady_timer*> waiters_;
};

}  // namespace waybill::simulation
