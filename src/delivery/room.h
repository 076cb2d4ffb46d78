// The deliveries that wait in memory, and for how many more there is room: promise of bounded
// memory in delivery/dispatcher.h.

#pragma once

#include <deque>
#include <iterator>
#include <utility>

#include "delivery/dispatcher.h"
#include "delivery/endpoint_queue.h"

namespace waybill::delivery {

class Room {
 public:
  std::size_t ready() const { return ready_; }
  bool is_full() const { return ready_ >= Dispatcher::kReadyTotalMax; }

  // Replays wait behind all that is new.
  void push(EndpointQueue& queue, Held held) {
    const bool is_replay = held.delivery.kind == model::DeliveryKind::kReplay;
    auto place = queue.ready.end();
    while (!is_replay && place != queue.ready.begin() &&
           std::prev(place)->delivery.kind == model::DeliveryKind::kReplay) {
      --place;
    }
    queue.ready.insert(place, std::move(held));
    ++ready_;
  }
  Held pop(EndpointQueue& queue) {
    Held held = std::move(queue.ready.front());
    queue.ready.pop_front();
    --ready_;
    return held;
  }
  std::deque<Held> take_all(EndpointQueue& queue) {
    ready_ -= queue.ready.size();
    return std::exchange(queue.ready, {});
  }

  // How many its endpoint may claim now.
  std::size_t to_claim(const EndpointQueue& queue) const {
    if (queue.ready.size() >= Dispatcher::kReadyMax / 2) return 0;
    if (ready_ + claiming_ < Dispatcher::kReadyTotalMax) {
      return Dispatcher::kReadyMax - queue.ready.size();
    }
    // Slow endpoints may have filled the memory: that must not stop one that has nothing there.
    return queue.ready.empty() ? kReadyWhenFull : 0;
  }
  // A claim of so many begins, or has ended.
  void begin_claim(std::size_t limit) { claiming_ += limit; }
  void end_claim(std::size_t limit) { claiming_ -= limit; }

  // While an endpoint has its fill in memory, or older deliveries in the store, new ones go to the
  // store.
  static void note_congestion(EndpointQueue& queue, Timestamp now, Congestion& endpoints) {
    const bool congested = is_congested(queue, now);
    if (congested == queue.congested) return;
    queue.congested = congested;
    endpoints.set(queue.endpoint, congested);
  }

 private:
  static bool is_congested(const EndpointQueue& queue, Timestamp now) {
    if (!queue.congested) return queue.ready.size() >= Dispatcher::kReadyMax;
    const bool backlog = queue.claiming || (queue.due && *queue.due <= now);
    return backlog || queue.ready.size() > Dispatcher::kReadyMax / 4;
  }

  // What an endpoint may claim although kReadyTotalMax deliveries are here.
  static constexpr std::size_t kReadyWhenFull = 8;

  std::size_t ready_ = 0;
  std::size_t claiming_ = 0;  // How many may be ready once the claims under way are done.
};

}  // namespace waybill::delivery
