// What this process takes of the machine, for /metrics.

#pragma once

#include <cstdint>

namespace waybill::app {

struct ProcessUse {
  std::int64_t resident_bytes = 0;
  std::int64_t open_descriptors = 0;
  std::int64_t descriptors_max = 0;
  double cpu_seconds = 0;
};

// What cannot be found out is 0.
ProcessUse process_use();

}  // namespace waybill::app
