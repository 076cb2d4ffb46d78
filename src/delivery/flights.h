// The attempts that are under way, so that their leases can be given back when there is no more
// time for them. Entering and leaving costs no memory but the list's own.

#pragma once

#include <deque>
#include <vector>

#include "delivery/units.h"

namespace waybill::delivery {

class Flights {
 public:
  // One attempt: lies in the frame of whoever makes it.
  struct Flight {
    const Held* held;
    std::size_t place = 0;
  };

  void enter(Flight& flight) {
    flight.place = flights_.size();
    flights_.push_back(&flight);
  }
  // Requires: it has entered.
  void leave(Flight& flight) {
    flights_.back()->place = flight.place;
    flights_[flight.place] = flights_.back();
    flights_.pop_back();
  }

  std::size_t size() const { return flights_.size(); }
  std::deque<Held> held() const {
    std::deque<Held> all;
    for (const Flight* flight : flights_) all.push_back(*flight->held);
    return all;
  }

 private:
  std::vector<Flight*> flights_;
};

}  // namespace waybill::delivery
