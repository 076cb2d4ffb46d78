// What the dispatcher has done since it was made, and what it has in hand now.

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/metrics.h"
#include "model/delivery.h"
#include "model/event.h"

namespace waybill::delivery {

struct DispatcherCounters {
  DispatcherCounters();

  // An attempt at `delivery` has ended. One that is unmade is none.
  void count(const model::Attempt& attempt, const model::Delivery& delivery, Timestamp now);

  // It led to this, and that is stored.
  void count(const model::NextState& next) { ++recorded[static_cast<std::size_t>(next.state)]; }

  // An event was accepted: it may be an alert (model/event.h).
  void count(const model::Event& event);

  std::uint64_t events = 0;    // Handed over: new ones, whether or not they matched anything.
  std::uint64_t accepted = 0;  // Deliveries of those and of replays.
  std::uint64_t attempts = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::array<std::uint64_t, model::kOutcomes> outcomes{};        // Attempts, by model::Outcome.
  std::array<std::uint64_t, model::kDeliveryStates> recorded{};  // By the state they led to.
  static constexpr std::array kAlerts = {model::kEndpointDeactivated, model::kEndpointFailing,
                                         model::kDeliveryDropped};
  std::array<std::uint64_t, kAlerts.size()> alerts{};
  Histogram attempt_seconds;
  Histogram delivered_seconds;  // Hub time, from when it was accepted.
  std::size_t in_flight = 0;
  std::size_t recording = 0;  // Their outcome is on its way to the store.
  std::size_t ready = 0;
};

}  // namespace waybill::delivery
