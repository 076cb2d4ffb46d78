#include "net/quota.h"

#include <algorithm>

namespace waybill::net {

Quota::Quota(const std::vector<Window>& windows) {
  std::ranges::copy_if(windows, std::back_inserter(windows_),
                       [](const Window& window) { return window.calls_max > 0; });
  counters_.resize(windows_.size());
}

Timestamp Quota::begin_of(const Window& window, Timestamp now) {
  return now - now.time_since_epoch() % window.length;
}

bool Quota::allow(const Uuid& caller, Timestamp now) {
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    Counter& counter = counters_[i];
    const Timestamp begin = begin_of(windows_[i], now);
    if (counter.began_at != begin || counter.made.size() >= kCallersMax) counter = {begin, {}};
    const auto found = counter.made.find(caller);
    if (found != counter.made.end() && found->second >= windows_[i].calls_max) return false;
  }
  for (Counter& counter : counters_) ++counter.made[caller];
  return true;
}

std::vector<Quota::State> Quota::states(const Uuid& caller, Timestamp now) const {
  std::vector<State> states;
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    const Timestamp begin = begin_of(windows_[i], now);
    int made = 0;
    if (counters_[i].began_at == begin) {
      const auto found = counters_[i].made.find(caller);
      if (found != counters_[i].made.end()) made = found->second;
    }
    states.push_back({windows_[i].length, windows_[i].calls_max, made, begin + windows_[i].length});
  }
  return states;
}

}  // namespace waybill::net
