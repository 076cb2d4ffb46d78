#include "base/hub_time.h"

#include <algorithm>

#include "base/check.h"

namespace waybill {

HubTime::System HubTime::advance(Steady steady, System system) {
  using std::chrono::nanoseconds;
  const nanoseconds passed = steady - steady_;
  WAYBILL_CHECK(passed >= nanoseconds(0), "the steady clock does not go back");
  steady_ = steady;
  now_ += passed;
  const nanoseconds off = system - now_;
  now_ += off > kLeapMin ? off : std::clamp(off, -passed / kLean, passed / kLean);
  return now_;
}

}  // namespace waybill
